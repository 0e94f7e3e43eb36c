"""client.context(): the contexts of the last request, open after its response."""

from contextvars import ContextVar

import pytest
import webtest
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import (
    App,
    Pipeline,
    current_app,
    flash,
    g,
    get_flashed_messages,
    has_app_context,
    has_request_context,
    request,
    session,
    signals,
)
from wsgikit.environ import CONTEXT, KEEP
from wsgikit.errors import ResponseAborted, SessionCommitted
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    HooksMiddleware,
    standard,
    standard_pipeline,
)
from wsgikit.stacks import request_contexts
from wsgikit.testing import TestApp


@pytest.fixture
def client(app):
    @app.get("/")
    @app.get("/<name>")
    def index(name="index"):
        g.name = session["name"] = name
        return name

    @app.get("/boom")
    def boom():
        raise ZeroDivisionError

    @app.get("/stream")
    def stream():
        yield "a"
        g.name = "stream"
        yield "b"

    @app.get("/breaks")
    def breaks():
        yield "a"
        raise LookupError("the stream broke")

    return TestApp(standard(app))


def nothing_is_current():
    return not has_request_context() and not has_app_context()


def test_what_the_request_left_is_there_after_it(app, client):
    with client.context():
        client.get("/ada?x=1")
        assert (request.path, request.args["x"], request.endpoint) == ("/ada", "1", "index")
        assert (g.name, session["name"]) == ("ada", "ada")
        assert current_app._get_current_object() is app
    assert nothing_is_current()


def test_without_the_block_nothing_is_kept(client, outcomes):
    client.get("/")
    assert nothing_is_current()
    assert len(outcomes) == 1


def test_around_each_kind_of_app(chain):
    client = TestApp(chain)
    with client.context():
        client.get("/x")
        assert (g.path, request.path, session["seen"]) == ("/x", "/x", 1)
    assert nothing_is_current()


def test_teardown_runs_once_at_the_end_of_the_block(client, outcomes):
    with client.context():
        client.get("/ada")
        assert outcomes == []
    assert outcomes == [("tests", "/ada", None)]


def test_teardown_runs_at_the_next_request(client, outcomes):
    with client.context():
        client.get("/ada")
        client.get("/eve")
        assert outcomes == [("tests", "/ada", None)]
        assert g.name == "eve"
    assert outcomes == [("tests", "/ada", None), ("tests", "/eve", None)]


def test_teardown_runs_when_the_block_raises(client, outcomes):
    def block():
        with client.context():
            client.get("/ada")
            raise KeyError

    with pytest.raises(KeyError):
        block()
    assert outcomes == [("tests", "/ada", None)]
    assert nothing_is_current()


def test_block_without_a_request_is_no_error(client):
    with client.context():
        assert nothing_is_current()


def test_request_that_raises_into_the_test_is_kept_with_its_outcome(client, outcomes):
    with client.context():
        with pytest.raises(ZeroDivisionError) as caught:
            client.get("/boom")
        assert request.path == "/boom"
        assert outcomes == []
    assert outcomes == [("tests", "/boom", caught.value)]


def test_error_page_is_kept_with_the_views_outcome(app, client, outcomes):
    app.errorhandler(ZeroDivisionError)(lambda error: "handled")
    with client.context():
        assert client.get("/boom").text == "handled"
        assert outcomes == []
    ((_, _, outcome),) = outcomes
    assert isinstance(outcome, ZeroDivisionError)


def test_error_page_of_the_error_layer_is_kept(app, client, outcomes):
    app.config["TESTING"] = False
    with client.context():
        client.get("/boom", status=500)
        assert request.path == "/boom"
    ((_, _, outcome),) = outcomes
    assert isinstance(outcome, ZeroDivisionError)


def test_response_that_webtest_refuses_is_kept(client):
    with client.context():
        with pytest.raises(webtest.AppError):
            client.get("/no/where")
        assert request.path == "/no/where"


def test_streamed_body_is_kept(client, outcomes):
    with client.context():
        assert client.get("/stream").text == "ab"
        assert g.name == "stream"
        assert outcomes == []
    assert outcomes == [("tests", "/stream", None)]


def test_stream_that_breaks_is_kept_with_its_outcome(client, outcomes):
    with client.context():
        with pytest.raises(LookupError) as caught:
            client.get("/breaks")
        assert request.path == "/breaks"
    assert outcomes == [("tests", "/breaks", caught.value)]


@pytest.mark.parametrize("method", ["head", "options"])
def test_response_without_a_body_is_kept(client, outcomes, method):
    with client.context():
        getattr(client, method)("/ada")
        assert request.method == method.upper()
        assert outcomes == []
    assert len(outcomes) == 1


def test_no_content_is_kept(app, client, outcomes):
    app.delete("/ada")(lambda: ("", 204))
    with client.context():
        client.delete("/ada")
        assert request.method == "DELETE"
    assert len(outcomes) == 1


def test_provider_is_closed_at_the_end_with_the_outcome(app, client):
    seen = []

    def db():
        try:
            yield "db"
        except ZeroDivisionError:
            seen.append("rolled back")
            raise
        seen.append("committed")

    client = TestApp(standard(app, g={"db": db}))
    app.get("/db")(lambda: g.db)
    app.before_request(lambda: g.db and None)
    with client.context():
        client.get("/db")
        assert (g.db, seen) == ("db", [])
        with pytest.raises(ZeroDivisionError):
            client.get("/boom")
        assert seen == ["committed"]
    assert seen == ["committed", "rolled back"]


def test_provider_can_be_used_first_by_the_test(app, client):
    seen = []

    def db():
        yield "db"
        seen.append("closed")

    client = TestApp(standard(app, g={"db": db}))
    with client.context():
        client.get("/")
        assert g.db == "db"
    assert seen == ["closed"]


def test_flashed_messages_can_be_read(app, client):
    app.get("/flash")(lambda: flash("hello", "info") or "")
    with client.context():
        client.get("/flash")
        assert session["_flashes"] == [["info", "hello"]]
        client.get("/")
        with pytest.raises(SessionCommitted):
            get_flashed_messages()


def test_teardown_runs_in_the_contextvars_context_of_the_request(app, client):
    variable = ContextVar("variable", default="outside")
    tokens = []
    app.before_request(lambda: tokens.append(variable.set("inside")))
    app.teardown_request(lambda outcome: variable.reset(tokens[-1]))
    with client.context():
        client.get("/")
        assert variable.get() == "outside"
    assert len(tokens) == 1


def test_on_finish_is_told_after_the_teardown(app, client):
    seen = []
    app.on_finish(lambda environ, outcome: seen.append((environ["PATH_INFO"], CONTEXT in environ)))
    app.on_sent(lambda environ: seen.append("sent"))
    with client.context():
        client.get("/ada")
        assert seen == ["sent"]
    assert seen == ["sent", ("/ada", False)]


def test_error_of_a_teardown_reaches_the_test_and_nothing_stays_current(app, client):
    @app.teardown_request
    def fail(outcome):
        raise KeyError("of the teardown")

    with pytest.raises(KeyError, match="of the teardown"), client.context():
        client.get("/")
    assert nothing_is_current()
    assert "appcontext_popped" in [name for name, _ in client.captured.signals]


def test_error_of_a_teardown_is_reported_as_without_the_block(app, client):
    app.config["TESTING"] = False

    @app.teardown_request
    def fail(outcome):
        raise KeyError("of the teardown")

    def block():
        with client.context():
            client.get("/ada")

    seen = []
    for send in (lambda: client.get("/ada"), block):
        with pytest.raises(ResponseAborted) as caught:
            send()
        levels = [record.levelname for record in client.captured.logs]
        seen.append((type(caught.value.__cause__), levels))
    assert seen == [(KeyError, ["ERROR"])] * 2


def test_error_of_a_teardown_comes_with_the_next_request_which_is_not_sent(app, client):
    paths = []
    app.before_request(lambda: paths.append(request.path))

    @app.teardown_request
    def fail(outcome):
        if request.path == "/ada":
            raise KeyError("of the teardown")

    with client.context():
        client.get("/ada")
        with pytest.raises(KeyError, match="of the teardown"):
            client.get("/eve")
        assert nothing_is_current()
    assert paths == ["/ada"]


def test_each_pushed_signal_has_its_popped(app, client):
    seen = []

    def pushed(sender):
        seen.append("pushed")

    def popped(sender):
        seen.append("popped")

    with (
        signals.appcontext_pushed.connected_to(pushed, app),
        signals.appcontext_popped.connected_to(popped, app),
        client.context(),
    ):
        client.get("/")
        assert seen == ["pushed"]
    assert seen == ["pushed", "popped"]


def test_answer_of_a_layer_outside_leaves_no_context(app, client):
    def gate(inner):
        def layer(environ, start_response):
            if environ["PATH_INFO"] == "/ada":
                return inner(environ, start_response)
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"no"]

        return layer

    standard_pipeline(app).insert_before(ContextMiddleware, gate).run(app)
    client = TestApp(app)
    with client.context():
        client.get("/ada")
        response = client.get("/eve", status=403)
        assert nothing_is_current()
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            _ = request.path.lower()
    assert KEEP not in response.request.environ


def test_layers_outside_that_change_the_environ(app, client, outcomes):
    client = TestApp(ProxyFix(standard(app), x_for=1))
    with client.context():
        client.get("/ada", headers={"X-Forwarded-For": "1.2.3.4"})
        assert request.remote_addr == "1.2.3.4"
    assert len(outcomes) == 1


def test_layer_that_calls_the_pipeline_again_keeps_both_and_shows_the_last(app, client, outcomes):
    class Cascade:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            for path in ("/ada", "/eve"):
                body = self.app({**environ, "PATH_INFO": path}, start_response)
                chunks = list(body)
                body.close()
            return chunks

    client = TestApp(Cascade(standard(app)))
    with client.context():
        assert client.get("/").text == "eve"
        assert g.name == "eve"
        assert outcomes == []
    assert outcomes == [("tests", "/eve", None), ("tests", "/ada", None)]
    assert nothing_is_current()


def test_error_of_one_teardown_leaves_none_of_the_others_out(app, client, outcomes):
    class Twice:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            self.app({**environ}, start_response).close()
            return self.app({**environ}, start_response)

    @app.teardown_request
    def fail(outcome):
        raise KeyError

    client = TestApp(Twice(standard(app)))
    with pytest.raises(BaseExceptionGroup), client.context():
        client.get("/ada")
    assert len(outcomes) == 2
    assert nothing_is_current()


def test_chain_inside_the_chain_ends_with_its_own_response(app, client, outcomes):
    outer = App("outer", config={"SECRET_KEY": "outer", "SESSION_COOKIE_NAME": "outer"})
    ended = []
    outer.teardown_request(lambda outcome: ended.append(current_app.name))
    client = TestApp(standard(standard(app), current_app=outer))
    with client.context():
        client.get("/ada")
        assert current_app.name == "outer"
        assert outcomes == [("tests", "/ada", None)]
        assert ended == []
    assert ended == ["outer"]


def test_error_of_the_chain_inside_is_the_outcome_of_both(app, client, outcomes):
    outer = App("outer")
    app.config["TESTING"] = False
    pipeline = Pipeline().use(ContextMiddleware, current_app=outer)
    client = TestApp(pipeline.run(standard(app)))
    ended = []
    outer.teardown_request(ended.append)
    with client.context():
        client.get("/boom", status=500)
        assert ended == []
    assert [type(outcome) for outcome in ended] == [ZeroDivisionError]


def test_two_clients_nest(app, client, outcomes):
    other = TestApp(app)
    with client.context():
        client.get("/ada")
        with other.context():
            other.get("/eve")
            assert g.name == "eve"
        assert g.name == "ada"
        assert outcomes == [("tests", "/eve", None)]
    assert outcomes == [("tests", "/eve", None), ("tests", "/ada", None)]


def test_two_clients_take_turns(app, client, outcomes):
    other = TestApp(app)
    with client.context():
        client.get("/a1")
        with other.context():
            other.get("/b1")
            client.get("/a2")
            assert outcomes == [("tests", "/a1", None)]
            assert g.name == "a2"
            other.get("/b2")
            assert g.name == "b2"
        assert g.name == "a2"
    assert [path for _, path, _ in outcomes] == ["/a1", "/b1", "/b2", "/a2"]
    assert nothing_is_current()


def test_block_inside_a_block_of_the_same_client(client, outcomes):
    with client.context():
        client.get("/ada")
        with client.context():
            assert g.name == "ada"
            client.get("/eve")
        assert [path for _, path, _ in outcomes] == ["/ada", "/eve"]
        assert nothing_is_current()
        client.get("/bob")
        assert g.name == "bob"
    client.get("/")
    assert nothing_is_current()
    assert len(outcomes) == 4


def test_contexts_that_the_test_pushed_meanwhile_stay_in_their_order(app, client, outcomes):
    with client.context():
        client.get("/ada")
        with app.app_context(), app.test_request_context("/held"):
            g.name = "held"
            with client.context():
                pass
            assert outcomes == [("tests", "/ada", None)]
            assert (g.name, request.path) == ("held", "/held")
    assert nothing_is_current()


def test_context_is_shown_above_those_that_the_test_has_pushed(app, client):
    with app.app_context(), app.test_request_context("/held"):
        g.name = "held"
        with client.context():
            client.get("/ada")
            assert (g.name, request.path) == ("ada", "/ada")
        assert (g.name, request.path) == ("held", "/held")


def test_context_that_the_test_popped_by_hand_is_not_ended_twice(client, outcomes):
    with client.context():
        client.get("/ada")
        request_contexts.top.pop()
        assert len(outcomes) == 1
    assert len(outcomes) == 1


def test_body_that_a_layer_drops_is_ended_too(app, client, outcomes):
    def dropping(inner):
        def layer(environ, start_response):
            inner(environ, lambda status, headers, exc_info=None: None)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"other"]

        return layer

    standard_pipeline(app).insert_before(ContextMiddleware, dropping).run(app)
    client = TestApp(app)
    with client.context():
        with pytest.warns(ResourceWarning):
            client.get("/ada")
        assert outcomes == []
    assert outcomes == [("tests", "/ada", None)]


def test_body_that_is_closed_after_the_request_is_ended_too(app, client, outcomes):
    bodies = []

    def keeping(inner):
        def layer(environ, start_response):
            bodies.append(inner(environ, lambda status, headers, exc_info=None: None))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"other"]

        return layer

    standard_pipeline(app).insert_before(ContextMiddleware, keeping).run(app)
    client = TestApp(app)
    with client.context():
        client.get("/ada")
        assert nothing_is_current()
        bodies.pop().close()
        assert outcomes == []
    assert outcomes == [("tests", "/ada", None)]
    assert nothing_is_current()


def test_context_layer_alone(app, outcomes):
    app.get("/")(lambda: "")
    client = TestApp(ContextMiddleware(app))
    with client.context():
        client.get("/")
        assert request.endpoint == "<lambda>"
    assert len(outcomes) == 1


def test_request_ends_as_ever_where_the_client_left(app):
    def leaves(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        raise ConnectionResetError

    seen = []
    app.teardown_request(seen.append)
    pipeline = Pipeline().use(ContextMiddleware, current_app=app).use(ErrorMiddleware)
    client = TestApp(pipeline.use(HooksMiddleware).run(leaves))
    with client.context(), pytest.raises(ConnectionResetError):
        client.get("/")
    assert [type(outcome) for outcome in seen] == [ConnectionResetError]
