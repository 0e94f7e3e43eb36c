"""AppContext and RequestContext: what is current, for how long, and how it ends."""

import asyncio
import gc
import io
import threading
import weakref
from contextlib import suppress
from contextvars import copy_context
from wsgiref.util import FileWrapper

import gevent
import pytest
from werkzeug.exceptions import NotFound
from werkzeug.local import LocalStack
from werkzeug.test import create_environ

from wsgikit import App, Blueprint, current_app, g, request, send_file, session, signals
from wsgikit.app_context import AppContext
from wsgikit.environ import CONTEXT, SESSION
from wsgikit.errors import SessionReadOnly
from wsgikit.middleware import ContextMiddleware, standard
from wsgikit.request_context import RequestContext, context_of
from wsgikit.routing import NO_ROUTE
from wsgikit.sessions import Session, StoredSession
from wsgikit.stacks import StackedContext, app_contexts, contexts, request_contexts

# Push, pop, with


def make_app(name="app", **options):
    return App(name, config={"SECRET_KEY": "a key for tests"}, **options)


def make_contexts(app, path="/"):
    return {"app": app.app_context(), "request": app.request_context(create_environ(path))}


@pytest.mark.parametrize("kind", ["app", "request"])
def test_pushed_context_is_current_until_popped(kind):
    app = make_app()
    context = make_contexts(app)[kind]
    context.push()
    assert current_app._get_current_object() is app
    assert context in (app_contexts.top, request_contexts.top)
    context.pop()
    assert app_contexts.top is None
    assert request_contexts.top is None


@pytest.mark.parametrize("kind", ["app", "request"])
def test_with_gives_the_context(kind):
    context = make_contexts(make_app())[kind]
    with context as entered:
        assert entered is context


def test_stacks_are_werkzeugs():
    assert isinstance(app_contexts, LocalStack)
    assert isinstance(request_contexts, LocalStack)


@pytest.mark.parametrize("kind", ["app", "request"])
def test_with_passes_the_exception_on_to_the_teardown(kind):
    app, outcomes, error = make_app(), [], KeyError("x")
    app.teardown_appcontext(outcomes.append)
    with pytest.raises(KeyError) as raised, make_contexts(app)[kind]:
        raise error
    assert raised.value is error
    assert outcomes == [error]


@pytest.mark.parametrize("kind", ["app", "request"])
def test_context_pushed_twice_ends_with_its_last_pop(kind):
    app, outcomes = make_app(), []
    app.teardown_appcontext(outcomes.append)
    context = make_contexts(app)[kind]
    context.push()
    context.push()
    context.pop(KeyError("not the end"))
    assert current_app._get_current_object() is app
    assert outcomes == []
    error = ValueError("the end")
    context.pop(error)
    assert outcomes == [error]


def test_request_context_pushed_twice_tears_the_request_down_once():
    app, outcomes = make_app(), []
    app.teardown_request(outcomes.append)
    context = app.request_context(create_environ())
    with context:
        with context:
            assert request.path == "/"
        assert outcomes == []
    assert outcomes == [None]


@pytest.mark.parametrize("kind", ["app", "request"])
def test_pop_of_another_than_the_current_context_says_which_and_changes_nothing(kind):
    wrong = make_contexts(make_app("wrong"), "/wrong")[kind]
    context = make_contexts(make_app("right"), "/right")[kind]
    with context:
        with pytest.raises(RuntimeError, match=r"popped <\w+ of 'wrong'.* is <\w+ of 'right'"):
            wrong.pop()
        assert context in (app_contexts.top, request_contexts.top)


def test_request_context_below_a_forgotten_app_context_is_not_popped():
    app, outcomes = make_app(), []
    app.teardown_request(outcomes.append)
    context, forgotten = app.request_context(create_environ()), app.app_context()
    context.push()
    forgotten.push()
    with pytest.raises(RuntimeError, match="the current context is <AppContext"):
        context.pop()
    assert outcomes == []
    assert (request_contexts.top, app_contexts.top) == (context, forgotten)
    forgotten.pop()
    context.pop()
    assert outcomes == [None]


def test_app_context_of_a_request_is_not_popped_alone():
    context = make_contexts(make_app())["request"]
    with context:
        with pytest.raises(RuntimeError, match=r"popped <AppContext of 'app'>, but .* <RequestC"):
            context.app_context.pop()
        assert app_contexts.top is context.app_context
        assert request_contexts.top is context


@pytest.mark.parametrize("kind", ["app", "request"])
def test_pop_of_a_context_never_pushed_says_that_none_is_current(kind):
    with pytest.raises(RuntimeError, match="the current context is None"):
        make_contexts(make_app())[kind].pop()


@pytest.mark.parametrize("kind", ["app", "request"])
def test_contexts_of_two_apps_nest(kind):
    inner, outer = make_app("inner"), make_app("outer")
    with make_contexts(outer)[kind]:
        g.name = "outer"
        with make_contexts(inner)[kind]:
            assert current_app.name == "inner"
            assert "name" not in g
        assert current_app.name == "outer"
        assert g.name == "outer"


def test_requests_of_one_app_nest_and_restore_exactly_the_outer_one():
    app = make_app()
    with app.request_context(create_environ("/outer")) as outer:
        g.name = "outer"
        with app.request_context(create_environ("/inner")):
            assert request.path == "/inner"
            assert "name" not in g
        assert request_contexts.top is outer
        assert app_contexts.top is outer.app_context
        assert request.path == "/outer"
        assert g.name == "outer"


def test_app_context_in_a_request_hides_g_but_not_the_request():
    app = make_app()
    with app.request_context(create_environ("/here")):
        g.name = "request's"
        with make_app("script").app_context():
            assert "name" not in g
            assert request.path == "/here"
        assert g.name == "request's"


def test_request_pushes_an_app_context_of_its_own_beside_one_pushed_by_hand():
    app = make_app()
    with app.app_context() as by_hand:
        for path in ("/1", "/2"):
            with app.request_context(create_environ(path)):
                assert app_contexts.top is not by_hand
                assert "seen" not in g
                g.seen = path
            assert app_contexts.top is by_hand
        assert "seen" not in g


def test_context_kinds_are_what_the_app_makes():
    app = make_app()
    assert type(app.app_context()) is AppContext
    assert type(app.request_context(create_environ())) is RequestContext


def test_repr_names_app_method_and_path():
    app = make_app()
    assert repr(app.app_context()) == "<AppContext of 'app'>"
    context = app.request_context(create_environ("/here", method="POST"))
    assert repr(context) == "<RequestContext of 'app': POST '/here'>"


def test_kind_of_context_must_say_how_it_ends():
    context = StackedContext()
    context.push()
    with pytest.raises(NotImplementedError):
        app_contexts.top  # noqa: B018
    with pytest.raises(NotImplementedError):
        context.pop()
    assert contexts.get() == []


# Each thread, greenlet and task sees only its own


def use(app, name, meet):
    """Push a request, wait for the others in the middle of it, and tell what is current."""
    with app.request_context(create_environ(f"/{name}")):
        g.name = name
        meet()
        return request.path, g.name


def test_threads_see_only_their_own():
    app, results = make_app(), {}
    barrier = threading.Barrier(4, timeout=30)

    def work(name):
        nothing_before = request_contexts.top is None and app_contexts.top is None
        results[name] = (nothing_before, use(app, name, barrier.wait))

    with app.request_context(create_environ("/main")):
        threads = [threading.Thread(target=work, args=(f"{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert request.path == "/main"
    assert results == {f"{i}": (True, (f"/{i}", f"{i}")) for i in range(4)}


def test_greenlets_see_only_their_own():
    app = make_app()
    greenlets = [gevent.spawn(use, app, f"{i}", lambda: gevent.sleep(0)) for i in range(4)]
    gevent.joinall(greenlets, timeout=30, raise_error=True)
    assert [each.value for each in greenlets] == [(f"/{i}", f"{i}") for i in range(4)]
    assert request_contexts.top is None


def test_asyncio_tasks_see_only_their_own():
    app = make_app()

    async def work(name, barrier):
        with app.request_context(create_environ(f"/{name}")):
            g.name = name
            await barrier.wait()
            return request.path, g.name

    async def main():
        barrier = asyncio.Barrier(4)
        async with asyncio.timeout(30):
            return await asyncio.gather(*(work(f"{i}", barrier) for i in range(4)))

    assert asyncio.run(main()) == [(f"/{i}", f"{i}") for i in range(4)]
    assert request_contexts.top is None


# Teardown


def note(calls, name, error=None):
    def callback(outcome):
        calls.append((name, outcome))
        if error is not None:
            raise error

    return callback


class Manager:
    """A provider of g that notes its end."""

    def __init__(self, calls, name, error=None):
        self.leave = note(calls, name, error)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, error, traceback):
        self.leave(error)


def make_torn_down_app(calls, errors=None):
    """An app, a blueprint and a nested one, each with two teardown functions, and providers."""
    errors = errors or {}
    app, outer, inner = make_app(), Blueprint("outer"), Blueprint("inner")
    inner.add_url_rule("/page", "page", lambda: "page")
    for number in (1, 2):
        for name, scaffold in (("app", app), ("outer", outer), ("inner", inner)):
            name = f"{name}{number}"
            scaffold.teardown_request(note(calls, name, errors.get(name)))
        name = f"appcontext{number}"
        app.teardown_appcontext(note(calls, name, errors.get(name)))
        app.providers[f"g{number}"] = Manager(calls, f"g{number}", errors.get(f"g{number}"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app


ORDER = ["inner2", "inner1", "outer2", "outer1", "app2", "app1"]
ORDER += ["appcontext2", "appcontext1", "g2", "g1"]


def run_torn_down(app, outcome=None):
    context = app.request_context(create_environ("/page"))
    context.push()
    assert request.endpoint == "outer.inner.page"
    assert g.g1 is not g.g2
    context.pop(outcome)


def test_teardown_order_is_blueprint_app_app_context_providers_each_reversed():
    calls = []
    run_torn_down(make_torn_down_app(calls))
    assert [name for name, _ in calls] == ORDER


def test_every_teardown_gets_the_outcome():
    calls, outcome = [], KeyError("x")
    run_torn_down(make_torn_down_app(calls), outcome)
    assert calls == [(name, outcome) for name in ORDER]


@pytest.mark.parametrize("failing", ORDER)
def test_every_teardown_runs_when_one_raises(failing):
    calls, error = [], KeyError("teardown")
    app = make_torn_down_app(calls, {failing: error})
    with pytest.raises(KeyError) as raised:
        run_torn_down(app)
    assert raised.value is error
    assert [name for name, _ in calls] == ORDER
    assert request_contexts.top is None
    assert app_contexts.top is None


def leaves(error):
    """The single errors of nested groups."""
    return [leaf for each in getattr(error, "exceptions", ()) for leaf in leaves(each)] or [error]


def test_every_teardown_runs_when_all_raise_and_each_error_is_raised():
    calls, errors = [], {name: KeyError(name) for name in ORDER}
    app = make_torn_down_app(calls, errors)
    with pytest.raises(ExceptionGroup) as raised:
        run_torn_down(app)
    assert leaves(raised.value) == [errors[name] for name in ORDER]
    assert [name for name, _ in calls] == ORDER
    assert request_contexts.top is None
    assert app_contexts.top is None


def test_teardown_functions_of_other_blueprints_do_not_run():
    calls = []
    app, other = make_torn_down_app(calls), Blueprint("other")
    other.teardown_request(note(calls, "other"))
    app.register_blueprint(other)
    run_torn_down(app)
    assert [name for name, _ in calls] == ORDER


def test_teardown_of_an_app_context_alone_runs_no_request_teardown():
    calls = []
    with make_torn_down_app(calls).app_context():
        pass
    assert [name for name, _ in calls] == ["appcontext2", "appcontext1"]


def test_teardown_does_not_match_the_route_of_a_request_that_never_asked():
    calls = []
    app = make_torn_down_app(calls)
    with app.request_context(create_environ("/page")):
        pass
    assert [name for name, _ in calls] == ["app2", "app1", "appcontext2", "appcontext1"]


def test_contexts_are_current_during_their_teardown():
    app, seen = make_app(), []
    app.teardown_request(lambda outcome: seen.append((request.path, g.name)))
    app.teardown_appcontext(lambda outcome: seen.append((current_app.name, g.name)))
    with app.request_context(create_environ("/here")):
        g.name = "mine"
    assert seen == [("/here", "mine"), ("app", "mine")]


def test_teardown_runs_for_a_rule_whose_dotted_endpoint_is_no_blueprints():
    calls = []
    app = make_torn_down_app(calls)
    app.add_url_rule("/dotted", "some.name", lambda: "page")
    with app.request_context(create_environ("/dotted")):
        assert request.endpoint == "some.name"
    assert [name for name, _ in calls] == ["app2", "app1", "appcontext2", "appcontext1"]


def test_files_of_the_request_are_closed_with_it():
    app = make_app()
    data = {"file": (io.BytesIO(b"content"), "name.txt")}
    with app.request_context(create_environ(method="POST", data=data)):
        file = request.files["file"]
        assert file.read() == b"content"
    assert file.closed


def test_signals_are_sent_in_order_with_app_and_outcome():
    app, sent, error = make_app(), [], KeyError("x")
    names = ["appcontext_pushed", "request_tearing_down"]
    names += ["appcontext_tearing_down", "appcontext_popped"]

    def listener(name):
        return lambda sender, **data: sent.append((name, sender, data))

    listeners = {name: listener(name) for name in names}
    for name, receiver in listeners.items():
        getattr(signals, name).connect(receiver, app)
    context = app.request_context(create_environ())
    context.push()
    context.pop(error)
    assert sent == [
        ("appcontext_pushed", app, {}),
        ("request_tearing_down", app, {"exc": error}),
        ("appcontext_tearing_down", app, {"exc": error}),
        ("appcontext_popped", app, {}),
    ]


def test_context_is_out_of_the_environ_after_the_last_pop():
    environ = create_environ()
    context = make_app().request_context(environ)
    environ[CONTEXT] = context
    with context:
        with context:
            pass
        assert environ[CONTEXT] is context
    assert CONTEXT not in environ


def test_context_is_out_of_the_environ_also_when_teardown_raises():
    app, environ = make_app(), create_environ()
    app.teardown_request(note([], "app", KeyError("teardown")))
    context = environ[CONTEXT] = app.request_context(environ)
    context.push()
    with pytest.raises(KeyError):
        context.pop()
    assert CONTEXT not in environ


def test_outcome_is_forgotten_with_the_last_pop():
    with make_app().request_context(create_environ()) as context:
        context.outcome = KeyError("of the view")
    assert context.outcome is None


def test_another_context_in_the_environ_stays():
    app, environ = make_app(), create_environ()
    other = environ[CONTEXT] = app.request_context(environ)
    with app.request_context(environ):
        pass
    assert environ[CONTEXT] is other


# What the app inside left pushed must not keep the request from its end


@pytest.mark.parametrize("kind", ["app", "request"])
def test_teardown_runs_once_also_when_the_app_left_a_context_pushed(kind):
    app, calls = make_app(), []
    app.teardown_request(note(calls, "request"))
    app.teardown_appcontext(note(calls, "appcontext"))

    def forgetful(environ, start_response):
        make_contexts(make_app("forgotten"))[kind].push()
        start_response("200 OK", [])
        return [b""]

    body = ContextMiddleware(forgetful, current_app=app)(create_environ(), lambda *_: None)
    assert list(body) == [b""]
    with suppress(RuntimeError):  # it may say so, once all is torn down
        body.close()
    assert calls == [("request", None), ("appcontext", None)]


@pytest.mark.parametrize("kind", ["app", "request"])
def test_teardown_runs_also_when_that_of_a_forgotten_context_raises(kind):
    app, forgotten, calls = make_app(), make_app("forgotten"), []
    forgotten.teardown_appcontext(note(calls, "forgotten", KeyError("of the forgotten one")))
    app.teardown_request(note(calls, "request"))
    app.teardown_appcontext(note(calls, "appcontext"))

    def forgetful(environ, start_response):
        make_contexts(forgotten)[kind].push()
        start_response("200 OK", [])
        return [b""]

    body = ContextMiddleware(forgetful, current_app=app)(create_environ(), lambda *_: None)
    assert list(body) == [b""]
    with suppress(KeyError):
        body.close()
    assert {("request", None), ("appcontext", None)} <= set(calls)


def test_unwinding_where_it_was_never_pushed_says_so():
    context = make_app().request_context(create_environ())
    elsewhere = copy_context()
    elsewhere.run(context.push)
    with pytest.raises(RuntimeError, match="the current context is None"):
        context.unwind()
    elsewhere.run(context.unwind)


def test_context_that_the_app_popped_itself_is_not_ended_twice():
    app, calls = make_app(), []
    app.teardown_appcontext(note(calls, "appcontext"))

    def hasty(environ, start_response):
        environ[CONTEXT].pop()
        start_response("200 OK", [])
        return [b""]

    serve(ContextMiddleware(hasty, current_app=app))
    assert calls == [("appcontext", None)]


def test_context_that_the_app_pushed_again_ends_with_the_request():
    app, calls = make_app(), []
    app.teardown_appcontext(note(calls, "appcontext"))

    def pushing(environ, start_response):
        environ[CONTEXT].push()
        start_response("200 OK", [])
        return [b""]

    serve(ContextMiddleware(pushing, current_app=app))
    assert calls == [("appcontext", None)]


def test_request_served_within_a_request_ends_only_itself():
    app, calls = make_app(), []
    app.teardown_appcontext(lambda outcome: calls.append(g.name))

    def inner(environ, start_response):
        g.name = "inner"
        start_response("200 OK", [])
        return [b""]

    with app.request_context(create_environ()):
        g.name = "outer"
        serve(ContextMiddleware(inner, current_app=app))
        assert calls == ["inner"]
        assert g.name == "outer"
    assert calls == ["inner", "outer"]


# Made at first use, once


class CountingRequests(App):
    """Counts the requests that were made and the times that the URL map was asked."""

    def __init__(self, name, **options):
        super().__init__(name, **options)
        self.made = self.matches = 0
        find = self.url_map.find

        def counted(path, method):
            self.matches += 1
            return find(path, method)

        self.url_map.find = counted

    def make_request(self, *args):
        self.made += 1
        return super().make_request(*args)


def counting_app():
    app = CountingRequests("app", config={"SECRET_KEY": "a key for tests"})
    app.add_url_rule("/page/<int:number>", "page", lambda number: f"{number}")
    return app


def serve(application, path="/", environ_type=dict):
    environ = environ_type(create_environ(path))
    environ["wsgi.file_wrapper"] = FileWrapper
    body = application(environ, lambda *_: None)
    try:
        return b"".join(body)
    finally:
        body.close()


def test_untouched_request_is_never_made():
    app = counting_app()
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda outcome: None)
    assert serve(standard(app), "/page/3") == b"3"
    assert app.made == 0


def test_request_is_made_once():
    app = counting_app()
    with app.request_context(create_environ()) as context:
        assert app.made == 0
        assert context.request is context.request
        assert context.request is request._get_current_object()
    assert app.made == 1


CAFE = "/café".encode().decode("latin1")


@pytest.mark.parametrize(
    ("path_now", "seen"),
    [
        (CAFE, "/café"),
        ("/café", "/café"),  # decoded in place, as Bottle and Django do
        ("/\xe9t\xe9", "/\ufffdt\ufffd"),  # rewritten to something else: as it stands
    ],
    ids=["as sent", "decoded", "rewritten"],
)
def test_path_is_decoded_once(path_now, seen):
    environ = create_environ("/café")
    assert environ["PATH_INFO"] == CAFE
    context = make_app().request_context(environ)
    environ["PATH_INFO"] = path_now
    assert context.request.path == seen


def test_rest_of_the_request_is_that_of_the_environ_whose_path_was_decoded():
    environ = create_environ("/café?a=b", method="PUT")
    context = make_app().request_context(environ)
    environ["PATH_INFO"] = "/café"
    assert (context.request.method, context.request.args["a"]) == ("PUT", "b")
    assert context.request.environ is environ


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_response_is_made_for_the_method_of_the_request_also_when_the_app_cleared_it(method):
    environ = create_environ(method=method) if method == "HEAD" else {}
    context = make_app().request_context(environ)
    environ.clear()
    assert context.environ_for_response is environ
    assert environ == {"REQUEST_METHOD": method}


def bare_environ():
    """Without the two that PEP 3333 lets a server leave out."""
    environ = create_environ("/")
    del environ["SCRIPT_NAME"], environ["PATH_INFO"]
    return environ


def test_request_needs_neither_path_nor_script_name():
    assert make_app().request_context(bare_environ()).request.path == "/"


@pytest.mark.parametrize("only", ["PATH_INFO", "SCRIPT_NAME"])
def test_path_is_decoded_once_also_when_it_all_stood_in_one_of_the_two(only):
    environ = {**bare_environ(), only: CAFE}
    context = make_app().request_context(environ)
    environ["PATH_INFO"] = "/café"
    assert context.request.path == "/café"


def test_urls_are_those_of_the_place_where_neither_path_nor_script_name_was():
    environ = bare_environ()
    context = counting_app().request_context(environ)
    environ |= {"SCRIPT_NAME": "/mounted", "PATH_INFO": "/page/3"}
    assert context.url_adapter.script_name == "/"
    assert context.url_adapter.path_info == ""


def test_route_is_matched_once_by_whoever_asks_first():
    app = counting_app()
    app.register_blueprint(Blueprint("blog"))
    app.before_request(lambda: g.setdefault("args", request.view_args) and None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda outcome: request.endpoint)
    assert serve(standard(app), "/page/3") == b"3"
    assert app.matches == 1


def test_route_is_not_matched_before_someone_asks():
    app = counting_app()
    with app.request_context(create_environ()):
        pass
    assert app.matches == 0


def test_route_is_never_matched_around_another_frameworks_app():
    app = counting_app()
    app.register_blueprint(Blueprint("blog"))
    seen = []

    def foreign(environ, start_response):
        seen.append((request.url_rule, request.view_args, request.endpoint))
        start_response("200 OK", [])
        return [b"foreign"]

    application = standard(foreign, current_app=app)
    assert serve(application, "/page/3") == b"foreign"
    assert seen == [(None, None, None)]
    assert app.matches == 0


def test_route_around_a_foreign_app_is_no_route():
    context = RequestContext(make_app(), create_environ(), is_inner=False)
    assert context.route is NO_ROUTE


def test_unknown_path_is_kept_as_the_routes_error():
    context = make_app().request_context(create_environ("/unknown"))
    assert isinstance(context.route.error, NotFound)
    assert context.route is context.route


def test_url_adapter_is_bound_once():
    context = make_app().request_context(create_environ())
    assert context.url_adapter is context.url_adapter


def mount(environ, at):
    """Move ``at`` from the path to the script name, in place, as a mount does."""
    environ["SCRIPT_NAME"] += at
    environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(at)


def test_url_adapter_is_that_of_the_place_where_the_context_was_made():
    environ = create_environ("/mounted/page/3")
    context = counting_app().request_context(environ)
    mount(environ, "/mounted")
    assert context.url_adapter.script_name == "/"
    assert context.url_adapter.path_info == "/mounted/page/3"


def test_route_behind_a_mount_is_matched_there():
    environ = create_environ("/mounted/page/3")
    app = counting_app()
    context = app.request_context(environ)
    assert context.route.error is not None
    mount(environ, "/mounted")
    assert context.route_here(context.environ).view_args == {"number": 3}
    assert context.route is context.route_here(context.environ)
    assert context.url_adapter.build("page", {"number": 4}) == "/mounted/page/4"
    assert app.matches == 2


def test_route_of_a_router_behind_another_frameworks_app_is_matched_when_it_asks():
    app = counting_app()
    context = RequestContext(app, create_environ("/page/3"), is_inner=False)
    assert context.route is NO_ROUTE
    assert context.route_here(context.environ).endpoint == "page"


def test_route_where_nothing_moved_is_matched_once():
    app = counting_app()
    context = app.request_context(create_environ("/page/3"))
    assert context.route is context.route_here(context.environ)
    assert app.matches == 1


def test_scaffolds_are_the_app_and_the_blueprints_outermost_first():
    app = make_torn_down_app([])
    context = app.request_context(create_environ("/page"))
    assert [each.name for each in context.scaffolds] == ["app", "outer", "inner"]
    assert make_app().request_context(create_environ("/page")).route.error is not None


def test_scaffolds_without_blueprints_need_no_route():
    app = counting_app()
    assert app.request_context(create_environ("/page/1")).scaffolds == (app,)
    assert app.matches == 0


# Session and g


def test_session_is_the_one_in_the_environ():
    environ = create_environ()
    environ[SESSION] = there = {"a": 1}
    with make_app().request_context(environ) as context:
        assert context.session is there
        assert session["a"] == 1


def test_missing_session_says_what_to_write():
    with (
        make_app().request_context(create_environ()),
        pytest.raises(RuntimeError) as raised,
    ):
        session.get("a")
    assert str(raised.value) == (
        "No session in this request: SessionMiddleware is not in the chain, or stands inside the "
        "layer that asked.\n\nPut it right after the ErrorMiddleware: Pipeline()"
        ".use(ContextMiddleware).use(ErrorMiddleware).use(SessionMiddleware, secret_key=…)"
    )


def test_missing_context_says_what_to_write():
    with pytest.raises(RuntimeError) as raised:
        context_of({})
    assert str(raised.value) == (
        "No request context in the environ: this layer stands outside ContextMiddleware, or there "
        "is none.\n\nWrap it in ContextMiddleware(…, current_app=app), or use standard()."
    )


def test_empty_session_is_not_taken_for_a_missing_one():
    environ = create_environ()
    environ[SESSION] = there = {}
    assert make_app().request_context(environ).session is there


def test_g_of_the_request_is_that_of_its_app_context():
    context = make_app().request_context(create_environ())
    assert context.g is context.app_context.g
    with context:
        assert g._get_current_object() is context.g


# Hold and resume


def test_held_context_outlives_one_pop_and_ends_with_the_next():
    app, calls, error = make_app(), [], KeyError("x")
    app.teardown_request(note(calls, "request"))
    app.teardown_appcontext(note(calls, "appcontext"))
    context = app.request_context(create_environ("/held"))
    with context:
        g.name = "kept"
        context.hold()
    assert calls == []
    assert request_contexts.top is None
    assert app_contexts.top is None
    context.resume()
    assert (request.path, g.name) == ("/held", "kept")
    context.pop(error)
    assert calls == [("request", error), ("appcontext", error)]


def test_held_context_is_kept_by_unwinding_until_it_is_resumed():
    app, calls = make_app(), []
    app.teardown_request(note(calls, "request"))
    context = app.request_context(create_environ("/held"))
    context.push()
    context.hold()
    context.unwind()
    assert calls == []
    context.resume()
    context.unwind()
    assert calls == [("request", None)]
    assert app_contexts.top is None


def test_held_context_can_be_resumed_in_another_thread():
    context, seen = make_app().request_context(create_environ("/held")), []
    with context:
        context.hold()

    def work():
        context.resume()
        seen.append(request.path)
        context.pop()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["/held"]
    assert request_contexts.top is None


# Copies


def test_copy_has_the_request_route_flashes_and_session_but_its_own_g():
    environ = create_environ("/here")
    environ[SESSION] = Session(lambda: StoredSession({"a": 1}, '{"a":1}', 0, False))
    context = make_app().request_context(environ)
    context.flashes = [("message", "hello")]
    context.g.name = "original's"
    twin = context.copy()
    assert twin.request is context.request
    assert twin.route is context.route
    assert dict(twin.session) == {"a": 1}
    assert twin.flashes == context.flashes
    assert "name" not in twin.g


def test_end_of_a_copy_is_only_the_end_of_its_own_g():
    calls = []
    app = make_torn_down_app(calls)
    data = {"file": (io.BytesIO(b"content"), "name.txt")}
    environ = create_environ("/page", method="POST", data=data)
    context = environ[CONTEXT] = app.request_context(environ)
    with context:
        file = request.files["file"]
        with context.copy():
            assert g.g1 is not None
        assert [name for name, _ in calls] == ["appcontext2", "appcontext1", "g1"]
        assert not file.closed
        assert environ[CONTEXT] is context


def test_copy_has_the_providers_of_the_chain_around_a_foreign_app():
    seen = []

    def foreign(environ, start_response):
        with request_contexts.top.copy():
            seen.append(g.get("db", "no provider"))
        start_response("200 OK", [])
        return [b""]

    serve(standard(foreign, current_app=make_app(), g={"db": lambda: "connection"}))
    assert seen == ["connection"]


def test_copy_may_read_the_session_and_not_write_to_it():
    environ = create_environ()
    environ[SESSION] = Session(lambda: None)
    environ[SESSION]["a"] = 1
    with make_app().request_context(environ).copy():
        assert session["a"] == 1
        with pytest.raises(SessionReadOnly):
            session["a"] = 2


def test_copy_has_all_providers_that_the_request_was_given():
    context = make_app().request_context(create_environ())
    for providers in ({"db": lambda: "connection"}, {"cache": lambda: "cache"}):
        context.g.provide(providers)
    assert context.g.db == "connection"
    with context.copy():
        assert (g.db, g.cache) == ("connection", "cache")


@pytest.mark.parametrize("is_inner", [True, False])
def test_copy_knows_whose_router_is_inside(is_inner):
    context = RequestContext(make_app(), create_environ(), is_inner=is_inner)
    assert context.copy().is_inner is is_inner


def test_copy_behind_a_mount_builds_the_urls_of_the_original():
    environ = create_environ("/mounted/page/3")
    context = RequestContext(counting_app(), environ, is_inner=False)
    mount(environ, "/mounted")
    urls = [each.url_adapter.build("page", {"number": 4}) for each in (context, context.copy())]
    assert urls == ["/page/4", "/page/4"]


def test_request_that_has_ended_cannot_be_copied():
    context = make_app().request_context(create_environ("/here"))
    with context:
        pass
    with pytest.raises(RuntimeError, match="this request has ended"):
        context.copy()


# Nothing of a request stays behind


class Value:
    """Something in g, to see whether g is gone."""


class Environ(dict):
    """An environ that can be referred to weakly."""


def make_remembering_app(refs):
    app = make_app()

    @app.get("/text")
    def text():
        g.value = Value()
        session["a"] = request.path
        refs.extend(map(weakref.ref, (g.value, request._get_current_object())))
        return "text"

    @app.get("/stream")
    def stream():
        g.value = Value()
        refs.append(weakref.ref(g.value))
        yield "a"
        yield request.path

    @app.get("/file")
    def file():
        g.value = Value()
        refs.append(weakref.ref(g.value))
        return send_file(io.BytesIO(b"file"), mimetype="text/plain")

    @app.get("/error")
    def error():
        g.value = Value()
        refs.append(weakref.ref(g.value))
        raise KeyError("of the view")

    @app.errorhandler(KeyError)
    def handle(error):
        return "handled", 500

    @app.get("/slash/")
    def slash():
        return "slash"

    return app


@pytest.mark.parametrize("path", ["/text", "/stream", "/file", "/unknown", "/slash", "/error"])
def test_nothing_of_a_request_waits_for_the_garbage_collector(path):
    refs = []
    application = standard(make_remembering_app(refs))

    def remember(mapping):
        environ = Environ(mapping)
        refs.append(weakref.ref(environ))
        return environ

    gc.disable()
    try:
        serve(application, path, remember)
        assert [ref() for ref in refs] == [None] * len(refs)
    finally:
        gc.enable()


def test_nothing_of_a_bare_context_waits_for_the_garbage_collector():
    app, environ = make_app(), Environ(create_environ())
    gc.disable()
    try:
        with app.request_context(environ):
            g.value = Value()
            refs = [weakref.ref(each) for each in (environ, g.value, request._get_current_object())]
        del environ
        assert [ref() for ref in refs] == [None] * 3
    finally:
        gc.enable()


# What ends without a word


def served(app, inner):
    contexts_seen = []

    def look(environ, start_response):
        contexts_seen.append(environ[CONTEXT])
        return inner(environ, start_response)

    serve(ContextMiddleware(look, current_app=app))
    return contexts_seen[0]


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def test_g_that_was_first_asked_for_when_all_was_over_is_ended():
    context = served(make_app(), plain)
    assert context.has_ended
    with pytest.raises(RuntimeError, match="has ended"):
        context.g.user  # noqa: B018


def test_complete_body_of_a_request_that_nobody_waits_for_ends_it_before_it_is_sent():
    body = ContextMiddleware(plain, current_app=make_app())(create_environ(), lambda *_: None)
    assert (body, len(body)) == ([b"plain"], 1)
    assert app_contexts.top is None
    body.close()


def test_complete_body_of_a_request_with_a_teardown_ends_it_when_it_is_closed():
    app, calls = make_app(), []
    app.teardown_request(note(calls, "request"))
    body = ContextMiddleware(plain, current_app=app)(create_environ(), lambda *_: None)
    assert (list(body), calls) == ([b"plain"], [])
    body.close()
    assert calls == [("request", None)]


def test_nothing_owed_adds_nothing():
    def owing(environ, start_response):
        environ[CONTEXT].owe("a layer", [])
        return plain(environ, start_response)

    started = []
    app = ContextMiddleware(owing, current_app=make_app())
    app(create_environ(), lambda status, headers: started.append(headers)).close()
    assert started == [[("Content-Type", "text/plain")]]


def test_threads_of_one_request_share_the_g_that_is_made_when_it_is_touched():
    meeting = threading.Barrier(2)

    class Slow(App):
        """Whoever makes a g waits for another one that does, though not for long."""

        @property
        def providers(self):
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=0.2)
            return {}

        @providers.setter
        def providers(self, value):
            pass

    context = Slow("slow").request_context(create_environ())
    made = set()
    threads = [threading.Thread(target=lambda: made.add(context.app_context.g)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {context.g}
