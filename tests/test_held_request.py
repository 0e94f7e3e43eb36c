"""test_request_context: a request that the real pipeline holds at the router."""

import io

import pytest
from werkzeug.test import create_environ

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
from wsgikit.environ import CONTEXT
from wsgikit.held_request import HeldRequest
from wsgikit.middleware import ContextMiddleware, standard, standard_pipeline
from wsgikit.request_context import RequestContext
from wsgikit.sessions import Session


def make_app(**options):
    app = App("app", config={"SECRET_KEY": "a key for tests", **options})

    @app.get("/page/<int:number>")
    def page(number):
        pytest.fail("a view ran")

    return app


@pytest.fixture
def app():
    app = make_app()
    standard(app)
    return app


def session_cookie(app, **values):
    """The Cookie header of a visitor whose session has ``values``."""
    writer = make_app(**app.config)
    writer.add_url_rule("/", "write", lambda: session.update(values) or "")
    sent = {}

    def start_response(status, headers, exc_info=None):
        sent.update(headers)

    standard(writer)(create_environ(), start_response).close()
    return sent["Set-Cookie"].partition(";")[0]


def test_with_gives_the_request_context_and_the_proxies(app):
    with app.test_request_context("/page/3?a=b") as context:
        assert isinstance(context, RequestContext)
        assert current_app._get_current_object() is app
        assert request._get_current_object() is context.request
        assert (request.path, request.args["a"]) == ("/page/3", "b")
        assert (request.endpoint, request.view_args) == ("page", {"number": 3})
    assert not has_request_context()
    assert not has_app_context()


def test_push_and_pop_do_what_with_does(app):
    held = app.test_request_context("/page/3")
    assert isinstance(held, HeldRequest)
    assert not has_request_context()
    context = held.push()
    assert request._get_current_object() is context.request
    held.pop()
    assert not has_request_context()
    assert not has_app_context()


def test_body_and_files_are_readable(app):
    data = {"name": "value", "file": (io.BytesIO(b"content"), "name.txt")}
    with app.test_request_context("/page/3", method="POST", data=data):
        assert request.form["name"] == "value"
        assert request.files["file"].read() == b"content"


def test_unknown_path_is_no_error_before_someone_asks(app):
    with app.test_request_context("/unknown"):
        assert request.routing_exception.code == 404


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "http://localhost/page/3"),
        ({"SERVER_NAME": "example.org"}, "http://example.org/page/3"),
        ({"PREFERRED_URL_SCHEME": "https"}, "https://localhost/page/3"),
        ({"APPLICATION_ROOT": "/base/"}, "http://localhost/base/page/3"),
    ],
)
def test_url_follows_the_config(config, url):
    app = make_app(**config)
    standard(app)
    with app.test_request_context("/page/3"):
        assert request.url == url


def test_base_url_can_be_given(app):
    with app.test_request_context("/page/3", base_url="https://example.org/base"):
        assert request.url == "https://example.org/base/page/3"


def test_session_is_the_real_one(app):
    with app.test_request_context("/") as context:
        assert isinstance(session._get_current_object(), Session)
        assert session.new
        session["a"] = 1
        assert context.session["a"] == 1
        flash("hello")
        assert get_flashed_messages() == ["hello"]


def test_session_reads_the_visitors_cookie(app):
    with app.test_request_context(headers={"Cookie": session_cookie(app, name="visitor")}):
        assert session["name"] == "visitor"
        assert not session.new


def test_g_is_the_real_one_with_the_providers_of_the_chain():
    app, ends = make_app(), []

    def connect():
        yield "connection"
        ends.append("closed")

    standard(app, g={"db": connect})
    with app.test_request_context():
        assert g.db == "connection"
        assert ends == []
    assert ends == ["closed"]


def test_hooks_before_the_router_have_run_and_no_others(app):
    ran = []
    app.before_first_request(lambda: ran.append("first"))
    app.before_request(lambda: ran.append("before"))
    app.after_request(lambda response: ran.append("after"))
    with app.test_request_context("/page/3"):
        assert ran == ["first", "before"]
    assert ran == ["first", "before"]


def test_what_a_hook_puts_into_g_is_there(app):
    app.before_request(lambda: setattr(g, "user", "from the hook"))
    with app.test_request_context():
        assert g.user == "from the hook"


# The end


def note_teardowns(app):
    outcomes = []
    app.teardown_request(lambda outcome: outcomes.append(("request", outcome)))
    app.teardown_appcontext(lambda outcome: outcomes.append(("appcontext", outcome)))
    return outcomes


def test_teardown_runs_once_at_the_end_and_not_before(app):
    outcomes = note_teardowns(app)
    with app.test_request_context():
        assert outcomes == []
    assert outcomes == [("request", None), ("appcontext", None)]


def test_exception_in_the_with_block_reaches_the_teardown_and_the_test(app):
    outcomes, error = note_teardowns(app), KeyError("of the test")
    with pytest.raises(KeyError) as raised, app.test_request_context():
        raise error
    assert raised.value is error
    assert outcomes == [("request", error), ("appcontext", error)]


def test_outcome_can_be_given_to_pop(app):
    outcomes, error = note_teardowns(app), KeyError("x")
    held = app.test_request_context()
    held.push()
    held.pop(error)
    assert outcomes == [("request", error), ("appcontext", error)]


def test_error_of_a_teardown_reaches_the_test_and_nothing_stays_pushed(app):
    def teardown(outcome):
        raise KeyError("of the teardown")

    app.teardown_request(teardown)
    with pytest.raises(KeyError, match="of the teardown"), app.test_request_context():
        pass
    assert not has_request_context()
    assert not has_app_context()


def test_environ_no_longer_holds_the_context_at_the_end(app):
    with app.test_request_context() as context:
        environ = context.environ
        assert environ[CONTEXT] is context
    assert CONTEXT not in environ


def test_each_pushed_signal_has_its_popped(app):
    sent = []

    def pushed(sender):
        sent.append("pushed")

    def popped(sender):
        sent.append("popped")

    signals.appcontext_pushed.connect(pushed, app)
    signals.appcontext_popped.connect(popped, app)
    with app.test_request_context():
        assert sent.count("pushed") - sent.count("popped") == 1
    assert sent.count("pushed") == sent.count("popped")


def test_held_requests_nest(app):
    with app.test_request_context("/page/1"):
        g.number = session["number"] = 1
        with app.test_request_context("/page/2"):
            assert request.path == "/page/2"
            assert "number" not in g
            assert "number" not in session
        assert request.path == "/page/1"
        assert g.number == session["number"] == 1


def test_end_of_a_held_request_is_not_that_of_the_one_around_it(app):
    paths = []
    app.teardown_request(lambda outcome: paths.append((request.path, outcome)))
    with app.test_request_context("/page/1"):
        with app.test_request_context("/page/2"):
            assert paths == []
        assert paths == [("/page/2", None)]
    assert paths == [("/page/2", None), ("/page/1", None)]


def test_held_request_inside_an_app_context_has_a_g_of_its_own(app):
    with app.app_context():
        g.name = "script's"
        with app.test_request_context():
            assert "name" not in g
        assert g.name == "script's"


def test_request_can_be_held_again_and_starts_afresh(app):
    outcomes = note_teardowns(app)
    held = app.test_request_context("/page/3")
    for _ in range(2):
        with held:
            assert request.path == "/page/3"
            assert "name" not in g
            assert "name" not in session
            g.name = session["name"] = "value"
    assert len(outcomes) == 4


def test_environ_that_was_given_is_not_changed(app):
    environ = create_environ("/page/3")
    before = dict(environ)
    with HeldRequest(app, environ):
        assert request.path == "/page/3"
    assert environ == before


# Misuse


def test_app_in_no_pipeline_says_how_to_build_one():
    with pytest.raises(RuntimeError, match=r"'app', and it is in none[^$]*standard\(app\)"):
        make_app().test_request_context().push()


@pytest.mark.parametrize("answer", ["by a hook", ("gone", 410)])
def test_hook_that_answers_is_named_by_its_status(app, answer):
    app.before_request(lambda: answer)
    outcomes = note_teardowns(app)
    with pytest.raises(
        RuntimeError, match=r"answered '(200 OK|410 GONE)' before the router of 'ap"
    ):
        app.test_request_context().push()
    assert len(outcomes) == 2
    assert not has_request_context()


def test_layer_that_answers_has_its_body_closed():
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"closed for today"])

        def close(self):
            closed.append(True)

    def gate(app):
        def layer(environ, start_response):
            write = start_response("503 Service Unavailable", [])
            write(b"sorry")
            return Body()

        return layer

    app = make_app()
    Pipeline().use(gate).run(app)
    with pytest.raises(RuntimeError, match="answered '503 Service Unavailable'"):
        app.test_request_context().push()
    assert closed == [True]


def test_layer_that_answers_without_a_start_is_told_too():
    app = make_app()
    app.chain = (lambda environ, start_response: [],)
    with pytest.raises(RuntimeError, match="answered 'something'"):
        app.test_request_context().push()


def test_error_of_a_layer_reaches_the_test():
    app = make_app()

    def broken(environ, start_response):
        raise KeyError("of the layer")

    app.chain = (broken,)
    with pytest.raises(KeyError, match="of the layer"):
        app.test_request_context().push()


@pytest.mark.parametrize("place", ["outermost", "innermost"])
def test_layer_that_is_a_generator_is_passed_on_the_way_to_the_router(place):
    def lazy(app):
        def layer(environ, start_response):
            yield from app(environ, start_response)

        return layer

    app = make_app()
    outcomes = note_teardowns(app)
    pipeline = standard_pipeline(app)
    if place == "outermost":
        pipeline.insert_before(ContextMiddleware, lazy).run(app)
    else:
        pipeline.use(lazy).run(app)
    with app.test_request_context("/page/3"):
        assert request.endpoint == "page"
        assert outcomes == []
    assert len(outcomes) == 2


def test_pop_of_a_request_never_pushed_says_so(app):
    with pytest.raises(RuntimeError, match="popped already, or never pushed"):
        app.test_request_context().pop()


def test_second_pop_says_so(app):
    held = app.test_request_context()
    held.push()
    held.pop()
    with pytest.raises(RuntimeError, match="popped already"):
        held.pop()


def test_second_push_is_refused_and_leaves_the_first_as_it_was(app):
    outcomes = note_teardowns(app)
    held = app.test_request_context("/page/3")
    held.push()
    with pytest.raises(RuntimeError, match="pushed already"):
        held.push()
    assert request.path == "/page/3"
    held.pop()
    assert not has_request_context()
    assert len(outcomes) == 2


def test_pop_in_the_wrong_order_can_be_put_right(app):
    held, other = app.test_request_context(), app.test_request_context()
    held.push()
    other.push()
    with pytest.raises(RuntimeError, match="the current context is"):
        held.pop()
    other.pop()
    held.pop()
    assert not has_request_context()
