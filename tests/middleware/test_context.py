"""ContextMiddleware."""

import gc
import io
import sys
import traceback
from contextlib import closing, suppress
from contextvars import ContextVar
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import create_environ

from wsgikit import (
    App,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    send_file,
)
from wsgikit.environ import CLIENT_LEFT, CONTEXT, RULE
from wsgikit.errors import ClientDisconnected, ConfigurationError
from wsgikit.middleware import ContextMiddleware, standard
from wsgikit.stacks import request_contexts

PLAIN = [("Content-Type", "text/plain")]


def answering(make_body):
    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return make_body(environ)

    return app


def test_app_inside_is_found_through_other_layers():
    class Layer:
        def __init__(self, app):
            self.app = app

    app = App("inner")
    assert ContextMiddleware(Layer(Layer(app))).current_app is app


def test_without_an_app_it_says_what_to_write():
    with pytest.raises(ConfigurationError) as raised:
        ContextMiddleware(answering(lambda environ: [b""]))
    assert str(raised.value) == (
        "ContextMiddleware finds no App inside it for current_app to point to.\n\n"
        "Give one for config and hooks: current_app=App('legacy')."
    )


def test_layer_ahead_of_the_router_knows_the_route(serve):
    app, seen = App("inner"), []
    app.add_url_rule("/", "index", lambda: "index")

    def layer(environ, start_response):
        seen.append(request.endpoint)
        return app(environ, start_response)

    layer.app = app
    assert serve(ContextMiddleware(layer)).body == b"index"
    assert seen == ["index"]


def test_hooks_do_not_run_without_their_layer(serve):
    app = App("inner")
    app.add_url_rule("/", "index", lambda: "index")
    app.before_request(lambda: pytest.fail("a hook ran"))
    assert serve(ContextMiddleware(app)).body == b"index"


def test_proxies_work_in_call_chunks_and_close(recorder, serve):
    seen = []

    class Stream:
        def __iter__(self):
            for _ in range(2):
                seen.append(request.path)
                yield current_app.name.encode()

        def close(self):
            seen.append(g.get("left"))

    def app(environ, start_response):
        g.left = "in g"
        return answering(lambda environ: Stream())(environ, start_response)

    layer = ContextMiddleware(app, current_app=recorder.app)
    assert serve(layer, PATH_INFO="/here").chunks == [b"legacy", b"legacy"]
    assert seen == ["/here", "/here", "in g"]
    assert not has_request_context()
    assert not has_app_context()


def test_teardown_still_sees_the_request(recorder, serve):
    paths = []
    recorder.app.teardown_request(lambda outcome: paths.append(request.path))
    layer = ContextMiddleware(answering(lambda environ: [b"x"]), current_app=recorder.app)
    serve(layer, PATH_INFO="/here")
    assert paths == ["/here"]


def test_variable_that_an_app_never_resets_reaches_no_other_request(recorder, serve):
    leaky = ContextVar("leaky", default="clean")

    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        yield leaky.get().encode()
        leaky.set("dirty")
        yield leaky.get().encode()

    layer = ContextMiddleware(app, current_app=recorder.app)
    assert serve(layer).chunks == [b"clean", b"dirty"]
    assert serve(layer).chunks == [b"clean", b"dirty"]
    assert leaky.get() == "clean"


def test_list_keeps_its_length(recorder):
    layer = ContextMiddleware(answering(lambda environ: [b"x"]), current_app=recorder.app)
    body = layer({"wsgi.url_scheme": "http"}, lambda status, headers: None)
    assert len(body) == 1
    body.close()


def test_file_wrapper_result_is_the_same_object(recorder):
    class FileWrapper:
        def __init__(self, file):
            self.file = file
            self.closed = 0

        def __iter__(self):
            return iter(self.file)

        def close(self):
            self.closed += 1

    wrapped = FileWrapper(io.BytesIO(b"x"))
    layer = ContextMiddleware(answering(lambda environ: wrapped), current_app=recorder.app)
    body = layer({"wsgi.file_wrapper": FileWrapper}, lambda status, headers: None)
    assert body is wrapped
    assert recorder.outcomes == []
    body.close()
    body.close()
    assert wrapped.closed == 1
    assert recorder.outcomes == [None]


def test_context_is_popped_when_the_body_is_closed_not_before(recorder):
    layer = ContextMiddleware(answering(lambda environ: iter([b"x"])), current_app=recorder.app)
    environ = {"REQUEST_METHOD": "GET"}
    body = layer(environ, lambda status, headers: None)
    assert list(body) == [b"x"]
    assert recorder.outcomes == []
    assert CONTEXT in environ
    body.close()
    assert recorder.outcomes == [None]
    assert CONTEXT not in environ


def test_pipeline_in_a_pipeline_hides_the_outer_context_and_restores_it(serve):
    outer, inner = App("outer"), App("inner")
    names = []

    def inner_app(environ, start_response):
        names.append((current_app.name, environ[CONTEXT].app.name))
        start_response("200 OK", list(PLAIN))
        names.append(len(request_contexts._storage.get()))
        yield current_app.name.encode()

    nested = ContextMiddleware(inner_app, current_app=inner)

    def outer_app(environ, start_response):
        body = nested(environ, start_response)
        names.append((current_app.name, environ[CONTEXT].app.name))
        yield from body
        body.close()
        yield current_app.name.encode()

    answer = serve(ContextMiddleware(outer_app, current_app=outer))
    assert answer.chunks == [b"inner", b"outer"]
    assert names == [("outer", "outer"), ("inner", "inner"), 2]


def test_failure_of_the_outer_app_is_not_replaced_by_that_of_a_pipeline_in_it(serve):
    app, outcomes = App("outer"), []
    first, second = KeyError("first"), ValueError("second")
    app.teardown_request(outcomes.append)

    def failing_with(error):
        def app(environ, start_response):
            environ[CONTEXT].outcome = error  # as error handling notes what it made a page of
            return answering(lambda environ: [b""])(environ, start_response)

        return app

    nested = ContextMiddleware(failing_with(second), current_app=App("inner"))

    def outer_app(environ, start_response):
        body = failing_with(first)(environ, start_response)
        nested(environ, start_response).close()
        return body

    assert serve(ContextMiddleware(outer_app, current_app=app)).status == "200 OK"
    assert outcomes == [first]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_exit_passes_through_and_is_the_outcome(error, recorder):
    def app(environ, start_response):
        raise error

    layer = ContextMiddleware(app, current_app=recorder.app)
    with pytest.raises(error):
        layer({}, lambda status, headers: None)
    assert [type(outcome) for outcome in recorder.outcomes] == [error]


def test_error_of_the_app_is_held_by_no_frame_of_its_traceback(recorder):
    error = LookupError("no response at all")

    def app(environ, start_response):
        raise error

    layer = ContextMiddleware(app, current_app=recorder.app)
    with pytest.raises(LookupError):
        layer({}, lambda status, headers: None)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [frame for frame in frames if frame.f_globals["__name__"].startswith("wsgikit")]
    held = [value for frame in own for value in frame.f_locals.values()]
    assert {"wsgikit.served_request", "wsgikit.lifecycle"} <= {f.f_globals["__name__"] for f in own}
    assert error not in held
    assert (error,) not in held


def test_body_closed_from_another_thread_is_torn_down_in_its_own_context(recorder):
    from threading import Thread

    paths = []
    recorder.app.teardown_request(lambda outcome: paths.append(request.path))
    layer = ContextMiddleware(answering(lambda environ: iter([b"x"])), current_app=recorder.app)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/there", "HTTP_HOST": "localhost"}
    environ |= {"wsgi.url_scheme": "http"}
    body = layer(environ, lambda status, headers: None)
    thread = Thread(target=body.close)
    thread.start()
    thread.join()
    assert paths == ["/there"]


def test_urls_and_routes_are_right_beside_and_behind_a_mount(serve):
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    from wsgikit import Blueprint, url_for
    from wsgikit.middleware import HooksMiddleware

    def legacy(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return [url_for("index").encode()]

    def build(mount):
        app = App("app")
        blueprint = Blueprint("blog")
        blueprint.before_request(lambda: None)
        blueprint.add_url_rule("/post", "post", lambda: url_for(".post"))
        app.register_blueprint(blueprint)
        app.add_url_rule("/", "index", lambda: url_for("index"))
        return ContextMiddleware(HooksMiddleware(mount(app)), current_app=app)

    beside = build(lambda app: DispatcherMiddleware(app, {"/old": legacy}))
    assert serve(beside, PATH_INFO="/old/x").body == b"/"
    assert serve(beside, PATH_INFO="/").body == b"/"
    behind = build(lambda app: DispatcherMiddleware(legacy, {"/new": app}))
    assert serve(behind, PATH_INFO="/new/").body == b"/new/"
    assert serve(behind, PATH_INFO="/new/post").body == b"/new/post"


@pytest.mark.parametrize("kind", ["stream", "list", "file"])
def test_abandoned_body_is_torn_down_with_a_warning_that_names_the_endpoint(kind):
    app, outcomes = App("site", config={"SECRET_KEY": "k"}), []
    app.teardown_request(lambda outcome: outcomes.append((request.endpoint, outcome)))

    def export():
        if kind == "stream":
            return iter([b"a", b"b"])
        return b"text" if kind == "list" else send_file(io.BytesIO(b"a"), mimetype="text/plain")

    app.add_url_rule("/export/<name>", "export", export)
    app.add_url_rule("/export/<name>", "export_of", lambda name: export(), methods=["PUT"])
    environ = create_environ("/export/x", method="PUT")
    bodies = [standard(app)({**environ, "wsgi.file_wrapper": FileWrapper}, lambda *args: None)]
    assert next(iter(bodies[0]))
    with pytest.warns(ResourceWarning, match=r"PUT '/export/x', endpoint 'export_of'") as warned:
        drop(bodies)
    assert len(warned) == 1
    assert warned[0].source is not None  # for tracemalloc
    ((endpoint, outcome),) = outcomes
    assert endpoint == "export_of"
    assert kind == "file" or isinstance(outcome, ClientDisconnected)


def test_abandoned_body_is_warned_of_also_when_its_end_raises(recorder, monkeypatch):
    error = KeyError("teardown")

    @recorder.app.teardown_request
    def end(outcome):
        raise error

    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: unraisable.append(hook.exc_value))
    layer = ContextMiddleware(answering(lambda environ: [b"x"]), current_app=recorder.app)
    bodies = [layer({}, lambda status, headers: None)]
    with pytest.warns(ResourceWarning, match="dropped without close"):
        bodies.clear()
    assert unraisable == [error]


def test_exc_info_reaches_the_server(recorder):
    starts, exc_info = [], (KeyError, KeyError("x"), None)

    def app(environ, start_response):
        start_response("200 OK", [])
        start_response("500 Internal Server Error", [], exc_info)
        return []

    ContextMiddleware(app, current_app=recorder.app)({}, lambda *args: starts.append(args)).close()
    assert starts == [("200 OK", []), ("500 Internal Server Error", [], exc_info)]


def test_client_that_left_while_the_app_wrote_is_named_as_the_outcome(recorder):
    error = BrokenPipeError()

    def start_response(status, headers):
        def write(data):
            raise error

        return write

    def app(environ, start_response):
        start_response("200 OK", [])(b"x")

    with pytest.raises(BrokenPipeError):
        ContextMiddleware(app, current_app=recorder.app)({}, start_response)
    (outcome,) = recorder.outcomes
    assert isinstance(outcome, ClientDisconnected)
    assert str(outcome) == "the client left while the app read or wrote"
    assert outcome.__cause__ is error


def environ_after(chain, path):
    """Whatever is left in there when the request is over."""
    environ = create_environ(path)
    with suppress(LookupError), closing(chain(environ, lambda *start: None)) as body:
        list(body)
    return environ


@pytest.mark.parametrize("chain", [ContextMiddleware, standard])
def test_failed_request_leaves_its_rule_to_the_layers_outside(app, chain):
    @app.get("/broken/<name>")
    def broken(name):
        raise LookupError

    environ = environ_after(chain(app), "/broken/x")
    assert environ[RULE] == "/broken/<name>"
    assert not {CONTEXT, CLIENT_LEFT} & environ.keys()


def test_request_that_did_not_fail_leaves_nothing(app):
    app.add_url_rule("/", view_func=lambda: iter("ab"))
    assert not {CONTEXT, RULE, CLIENT_LEFT} & environ_after(standard(app), "/").keys()


def test_warning_of_an_abandoned_body_names_the_place(recorder):
    layer = ContextMiddleware(answering(lambda environ: [b"x"]), current_app=recorder.app)
    bodies = [layer({}, lambda status, headers: None)]
    with pytest.warns(ResourceWarning) as warned:
        bodies.clear()
    assert warned[0].filename == __file__


def drop(bodies):
    """Leave nothing of them, also where the file and its end refer to each other."""
    bodies.clear()
    gc.collect()


def test_abandoned_body_of_another_framework_s_app_names_method_and_path(recorder):
    body = ContextMiddleware(answering(lambda environ: [b"a"]), current_app=recorder.app)(
        create_environ("/legacy"), lambda *args: None
    )
    with pytest.warns(ResourceWarning, match=r"<RequestContext of 'legacy': GET '/legacy'>"):
        del body
    assert recorder.outcomes == [None]
