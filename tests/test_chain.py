"""What only a whole chain shows: guards, nested chains, streams and bad requests."""

import functools
import threading

import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import create_environ, run_wsgi_app

from wsgikit import (
    App,
    Blueprint,
    Pipeline,
    Response,
    abort,
    flash,
    g,
    get_flashed_messages,
    request,
    session,
    url_for,
)
from wsgikit.errors import ConfigurationError, PipelineError, ResponseAborted
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    SessionMiddleware,
    standard,
)


def make_app(**options):
    return App("chain", config={"SECRET_KEY": "k"}, **options)


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"legacy"]


@pytest.fixture
def guarded():
    app = App("guarded", config={"SECRET_KEY": "k"})
    admin = Blueprint("admin")

    @admin.before_request
    def guard():
        return "log in first", 401

    @admin.get("/secret")
    def secret():
        return "the secret"

    app.register_blueprint(admin)
    return app


def status(application, path):
    return TestApp(application).get(path, expect_errors=True).status_int


def test_guard_runs_where_the_app_is_mounted_beside_a_legacy_app(guarded):
    site = standard(DispatcherMiddleware(bare, {"/new": guarded}), current_app=guarded)
    assert status(site, "/new/secret") == 401


def test_guard_runs_behind_a_layer_that_rewrites_the_path(guarded):
    def strip_version(environ, start_response):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/v1")
        return guarded(environ, start_response)

    assert status(standard(strip_version, current_app=guarded), "/v1/secret") == 401


def test_guard_runs_after_the_app_was_named_current_app_of_another_chain(guarded):
    site = standard(guarded)
    standard(bare, current_app=guarded)
    assert status(site, "/secret") == 401


def test_endpoint_is_known_after_the_app_was_named_current_app_of_another_chain(guarded):
    seen = []
    guarded.before_request(lambda: seen.append(request.endpoint))
    site = standard(guarded)
    standard(bare, current_app=guarded)
    status(site, "/secret")
    assert seen == ["admin.secret"]


@pytest.mark.parametrize("host", ["a/b", "a@b", "..", "localhost:port", "x" * 300])
def test_bad_host_with_an_error_page_that_has_links(host):
    app = make_app()

    @app.get("/")
    def index():
        return "x"

    @app.errorhandler(400)
    def bad(error):
        return f"<a href={url_for('index')}>home</a>", 400

    answer = TestApp(standard(app)).get("/", headers={"Host": host}, expect_errors=True)
    assert (answer.status_int, answer.text) == (400, "<a href=/>home</a>")


def test_nested_chains_keep_one_session():
    inner = make_app()

    @inner.get("/login")
    def login():
        session["user"] = "ada"
        return ""

    @inner.get("/me")
    def me():
        return session.get("user", "nobody")

    outer = make_app(fallback=standard(inner))

    @outer.before_request
    def count():
        session["visits"] = session.get("visits", 0) + 1

    client = TestApp(standard(outer))
    answer = client.get("/login")
    assert len(answer.headers.getall("Set-Cookie")) == 1
    assert client.get("/me").text == "ada"


def failing_rows():
    abort(404)
    yield "never"


def make_streaming_app():
    app = make_app()

    @app.get("/flash")
    def put():
        flash("hello")
        session["user"] = "ada"
        return ""

    @app.get("/gone")
    def gone():
        return Response(failing_rows())

    @app.get("/personal")
    def personal():
        return Response(f"hello {session['user']}" for _ in range(1))

    @app.errorhandler(404)
    def missing(error):
        return " ".join(get_flashed_messages()), 404

    @app.after_request
    def mark(response):
        response.headers["X-Mark"] = "1"

    return app


def test_error_in_a_first_chunk_is_answered_as_any_other():
    client = TestApp(standard(make_streaming_app()))
    client.get("/flash")
    answer = client.get("/gone", expect_errors=True)
    assert (answer.status_int, answer.text) == (404, "hello")
    assert answer.headers["X-Mark"] == "1"
    assert "Cookie" in answer.headers["Vary"]


def test_stream_that_reads_the_session_first_varies():
    client = TestApp(standard(make_streaming_app()))
    client.get("/flash")
    answer = client.get("/personal")
    assert answer.text == "hello ada"
    assert "Cookie" in answer.headers.get("Vary", "")


def test_hooks_outside_the_session_are_refused():
    pipeline = (
        Pipeline()
        .use(ContextMiddleware)
        .use(HooksMiddleware)
        .use(SessionMiddleware, secret_key="k")
    )
    with pytest.raises(PipelineError, match=r"HooksMiddleware.*SessionMiddleware"):
        pipeline.run(make_app())


def test_failed_inner_chain_is_a_failure_of_the_outer_one_too():
    outcomes = []

    def connect():
        try:
            yield "connection"
        except ZeroDivisionError as error:
            outcomes.append(error)
            raise

    inner = make_app()
    inner.add_url_rule("/", "fail", lambda: 1 / 0)
    outer = make_app(fallback=standard(inner))
    outer.before_request(lambda: g.db and None)
    client = TestApp(standard(outer, g={"db": connect}))
    assert client.get("/", expect_errors=True).status_int == 500
    assert len(outcomes) == 1


def test_held_request_of_a_wrapped_app_stops_before_it():
    called = []

    def wrapped(environ, start_response):
        called.append(environ["PATH_INFO"])
        return bare(environ, start_response)

    legacy = make_app()
    standard(wrapped, current_app=legacy)
    with legacy.test_request_context("/delete", method="POST"):
        session["user"] = "ada"
        assert (request.path, request.method) == ("/delete", "POST")
    assert called == []


@pytest.mark.parametrize("layer", [ErrorMiddleware, GMiddleware, HooksMiddleware])
def test_layer_without_a_context_says_what_is_missing(layer):
    def fails(environ, start_response):
        raise LookupError

    with pytest.raises(RuntimeError, match="ContextMiddleware"):
        TestApp(layer(fails)).get("/")


def test_provider_with_bound_arguments_is_entered_and_closed():
    ended = []

    def connect(url):
        yield url
        ended.append(url)

    app = make_app()
    app.add_url_rule("/", "index", lambda: g.db)
    client = TestApp(standard(app, g={"db": functools.partial(connect, "db:1")}))
    assert client.get("/").text == "db:1"
    assert ended == ["db:1"]


def test_context_manager_that_serves_one_request_is_refused():
    from contextlib import contextmanager

    @contextmanager
    def connect():
        yield

    with pytest.raises(ConfigurationError, match="only once"):
        standard(make_app(), g={"db": connect()})


def test_hook_that_calls_back_leaves_other_threads_waiting():
    app, inside, go_on = make_app(), threading.Event(), threading.Event()
    app.add_url_rule("/", "index", lambda: "ready")
    application = standard(app)

    @app.before_first_request
    def prepare():
        with app.test_request_context("/"):
            inside.set()
        assert go_on.wait(10)

    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(TestApp(application).get("/").text))
        for _ in range(2)
    ]
    threads[0].start()
    assert inside.wait(10)
    assert not app.first_request.done
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert answers == ["ready", "ready"]


def test_callback_of_a_hook_runs_at_the_end_of_a_written_body():
    ended = []

    def writes(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written")
        return []

    legacy = make_app()
    legacy.after_request(lambda response: response.call_on_close(lambda: ended.append(1)) and None)
    assert TestApp(standard(writes, current_app=legacy)).get("/").text == "written"
    assert ended == [1]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_debugger_is_not_shown_through_a_proxy_on_this_machine(header):
    app = make_app()
    app.add_url_rule("/", "fail", lambda: 1 / 0)
    client = TestApp(standard(app, debug=True), extra_environ={"REMOTE_ADDR": "127.0.0.1"})
    page = client.get("/", headers={"Host": "localhost", header: "192.0.2.1"}, status=500)
    assert "ZeroDivisionError" not in page.text


@pytest.mark.parametrize(
    "options",
    [{"domain": 5}, {"domain": "a..b"}, {"path": 5}, {"path": "app"}, {"max_age": 0}],
)
def test_cookie_that_no_browser_would_send_back_is_refused(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        standard(make_app(), **options)


class Mount:
    """Moves a prefix as a dispatcher does: in place, or in a copy of the environ."""

    def __init__(self, app, copies=False):
        self.app = app
        self.copies = copies

    def __call__(self, environ, start_response):
        if self.copies:
            environ = dict(environ)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/api", environ["PATH_INFO"][4:]
        return self.app(environ, start_response)


def mounted(app, copies=False):
    pipeline = Pipeline().use(ContextMiddleware).use(ErrorMiddleware).use(HooksMiddleware)
    return TestApp(pipeline.use(Mount, copies=copies).run(app))


@pytest.mark.parametrize("copies", [False, True])
def test_router_is_reached_behind_a_mount_that_copies_the_environ_too(copies):
    app = make_app()
    app.add_url_rule("/x", "x", lambda: url_for("x"))
    assert mounted(app, copies).get("/api/x").text == "/api/x"


@pytest.mark.parametrize("asked_before", [False, True])
def test_late_guard_sees_the_route_it_guards(asked_before):
    app, tenants = make_app(), Blueprint("tenants")
    if asked_before:
        app.before_request(lambda: request.path and None)

    @tenants.before_request
    def guard():
        if request.view_args["tenant"] != "mine":
            abort(403)

    tenants.add_url_rule("/t/<tenant>", "show", lambda tenant: tenant)
    app.register_blueprint(tenants)
    client = mounted(app)
    assert client.get("/api/t/mine").text == "mine"
    client.get("/api/t/other", status=403)


def test_blueprint_whose_hook_ran_before_the_route_changed_is_torn_down():
    app, pages, log = make_app(), Blueprint("pages"), []
    pages.before_request(lambda: log.append("open"))
    pages.teardown_request(lambda outcome: log.append("close"))
    pages.add_url_rule("/<path:page>", "page", lambda page: page)
    app.register_blueprint(pages)
    app.add_url_rule("/x", "x", lambda: "x")
    assert mounted(app).get("/api/x").text == "x"
    assert log == ["open", "close"]


class Retry:
    """Calls the app again when it raises."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        try:
            return self.app(environ, start_response)
        except ConnectionError:
            return self.app(environ, start_response)


def test_second_attempt_has_a_session_of_its_own():
    app, attempts = make_app(), []

    @app.get("/")
    def view():
        attempts.append(dict(session))
        session["attempt"] = len(attempts)
        if len(attempts) == 1:
            raise ConnectionError
        return "ok"

    pipeline = Pipeline().use(ContextMiddleware).use(ErrorMiddleware).use(Retry)
    pipeline.use(SessionMiddleware, secret_key="k").use(HooksMiddleware)
    client = TestApp(pipeline.run(app))
    assert "Set-Cookie" in client.get("/").headers
    client.get("/")
    assert attempts == [{}, {}, {"attempt": 2}]


def test_environ_that_is_served_twice_brings_no_former_session():
    app = make_app()
    app.add_url_rule("/in", "log_in", lambda: session.update(user="ada") or "")
    app.add_url_rule("/", "index", lambda: session.get("user", "nobody"))
    application = standard(app)
    environ = create_environ("/in")
    run_wsgi_app(application, environ, buffered=True)
    body, _, _ = run_wsgi_app(application, {**environ, "PATH_INFO": "/"}, buffered=True)
    assert b"".join(body) == b"nobody"


def test_session_is_found_when_a_layer_has_copied_the_environ():
    app = make_app()
    app.add_url_rule("/", "index", lambda: session.update(user="ada") or "ok")

    def copying(inner):
        return lambda environ, start_response: inner({**environ}, start_response)

    pipeline = Pipeline().use(ContextMiddleware, current_app=app).use(ErrorMiddleware).use(copying)
    pipeline.use(SessionMiddleware, secret_key="k").use(HooksMiddleware)
    assert TestApp(pipeline.run(app)).get("/").text == "ok"


def test_hooks_response_is_closed_when_the_app_raises_after_write():
    app, closed = make_app(), []
    app.after_request(lambda response: response.call_on_close(lambda: closed.append(1)) and None)

    def writes(environ, start_response):
        start_response("200 OK", [])(b"half")
        raise LookupError

    def start_response(status, headers, exc_info=None):
        if exc_info is not None:
            raise exc_info[1]
        return lambda data: None

    with pytest.raises(ResponseAborted):
        standard(writes, current_app=app)(create_environ("/"), start_response)
    assert closed == [1]


def test_inner_404_is_no_failure_of_an_outer_app_that_answers_otherwise():
    inner, outer, outcomes = make_app(), make_app(), []
    outer.teardown_request(outcomes.append)
    application = standard(inner)

    def cascade(environ, start_response):
        body, _, _ = run_wsgi_app(application, environ, buffered=True)
        assert list(body)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"found elsewhere"]

    inner.add_url_rule("/", "index", lambda: abort(404))
    assert TestApp(standard(cascade, current_app=outer)).get("/").text == "found elsewhere"
    assert outcomes == [None]


def test_what_replaces_the_call_of_a_wrapped_apps_class_later_is_called(monkeypatch):
    class Legacy:
        def __call__(self, environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"bare"]

    application = standard(Legacy(), current_app=App("legacy"), secret_key="key")
    former = Legacy.__call__

    def monitored(self, environ, start_response):
        return [b"seen, ", *former(self, environ, start_response)]

    monkeypatch.setattr(Legacy, "__call__", monitored)  # as monitoring does it
    assert run_wsgi_app(application, create_environ(), buffered=True)[0] == [b"seen, ", b"bare"]


def test_app_whose_call_is_a_static_method_is_served():
    class Static:
        @staticmethod
        def __call__(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"static"]

    application = standard(Static(), current_app=App("legacy"), secret_key="key")
    assert TestApp(application).get("/").body == b"static"
