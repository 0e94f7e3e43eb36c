"""What only a whole chain shows: guards, nested chains, streams and bad requests."""

import functools
import threading

import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

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
from wsgikit.errors import ConfigurationError, PipelineError
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
