"""on_commit, on_sent and on_finish: the three moments of a response, whichever app makes it."""

import io
from contextlib import suppress
from wsgiref.util import FileWrapper

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ

from wsgikit import App, abort, g, has_app_context, request, session
from wsgikit.errors import ClientDisconnected, ResponseAborted
from wsgikit.middleware import standard
from wsgikit.stacks import request_contexts

PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture
def app():
    return App("events", config={"SECRET_KEY": "k"})


@pytest.fixture
def log(app):
    """Write down the three events, and the teardown among them."""
    entries = []
    app.on_commit(lambda environ, status, headers: entries.append(("commit", status)))
    app.on_sent(lambda environ: entries.append("sent"))
    app.teardown_request(lambda outcome: entries.append("teardown"))
    app.teardown_appcontext(lambda outcome: entries.append("app teardown"))
    app.on_finish(lambda environ, outcome: entries.append(("finish", outcome)))
    return entries


def get(app, inner=None, **environ):
    """Serve one request to its end; return status, headers and body."""
    application = standard(inner, current_app=app) if inner else standard(app)
    started = []
    body = application(
        {**create_environ("/"), **environ},
        lambda status, headers, exc_info=None: started.append((status, Headers(headers))),
    )
    try:
        content = b"".join(body)
    finally:
        body.close()
    return *started[-1], content


def view(app):
    """Make the decorated function the only view."""
    return lambda function: app.add_url_rule("/", "view", function)


def test_order_of_the_events_and_teardowns(app, log):
    view(app)(lambda: "text")
    get(app)
    assert log == [("commit", "200 OK"), "sent", "teardown", "app teardown", ("finish", None)]


def test_on_commit_changes_the_headers_of_a_stream_and_leaves_the_body_alone(app):
    pulled = []

    def inner(environ, start_response):
        start_response("200 OK", [*PLAIN, ("X-Old", "1")])
        for chunk in (b"a", b"b", b"c"):
            pulled.append(chunk)
            yield chunk

    @app.on_commit
    def change(environ, status, headers):
        assert pulled == [b"a"]
        headers["X-New"] = environ["REQUEST_METHOD"]
        headers.remove("X-Old")

    _, headers, body = get(app, inner)
    assert (headers["X-New"], "X-Old" in headers, body) == ("GET", False, b"abc")


def test_on_commit_sees_the_session_cookie_and_the_proxies(app):
    seen = []

    @view(app)
    def write():
        session["a"] = 1
        return "x"

    @app.on_commit
    def look(environ, status, headers):
        seen.extend([request.path, "Set-Cookie" in headers])

    get(app)
    assert seen == ["/", True]


def test_on_commit_runs_for_error_pages_and_unknown_paths(app, log):
    view(app)(lambda: 1 / 0)
    get(app)
    assert [entry for entry in log if entry[0] == "commit"] == [
        ("commit", "500 INTERNAL SERVER ERROR")
    ]
    log.clear()
    get(app, PATH_INFO="/unknown")
    assert log[0] == ("commit", "404 NOT FOUND")


def test_on_commit_runs_again_for_the_response_that_replaces_one(app, log):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        raise LookupError

    app.on_commit(lambda environ, status, headers: headers.add("X-Seen", status))
    _, headers, _ = get(app, inner)
    assert headers.getlist("X-Seen") == ["500 INTERNAL SERVER ERROR"]


def test_failing_on_commit_is_a_500_and_does_not_lose_the_page(app, caplog):
    calls = []

    @app.on_commit
    def fail(environ, status, headers):
        calls.append(status)
        raise LookupError("of the listener")

    view(app)(lambda: "text")
    status, _, body = get(app)
    assert status == "500 INTERNAL SERVER ERROR"
    assert b"Internal Server Error" in body
    assert calls == ["200 OK", "500 INTERNAL SERVER ERROR"]
    assert [record.getMessage().partition(" on ")[0] for record in caplog.records] == [
        "Exception",
        "An on_commit listener failed for an error's response",
    ]


@pytest.mark.parametrize("kind", ["list", "stream", "file", "head"])
def test_on_sent_comes_after_the_last_chunk_and_ahead_of_close(app, kind):
    log = []

    class Body(io.BytesIO):
        def close(self):
            log.append("close")
            super().close()

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        if kind == "file":
            return environ["wsgi.file_wrapper"](Body(b"chunk"))
        return [b"chunk"] if kind == "list" else Body(b"chunk")

    app.on_sent(lambda environ: log.append("sent"))
    body = standard(inner, current_app=app)(
        {**create_environ("/"), "wsgi.file_wrapper": FileWrapper}, lambda *args: None
    )
    if kind != "head":
        for _ in body:
            log.append("chunk")
    assert "sent" not in log
    body.close()
    assert log == [*([] if kind == "head" else ["chunk"]), "sent", *(["close"] * (kind != "list"))]


@pytest.mark.parametrize("how", ["leaves", "breaks"])
def test_on_sent_is_not_called_for_half_a_response(app, log, how):
    @view(app)
    def stream():
        yield "a"
        if how == "breaks":
            raise LookupError
        yield "b"

    body = iter(standard(app)(create_environ("/"), lambda *args: None))
    next(body)
    if how == "breaks":
        with pytest.raises(ConnectionResetError):
            next(body)
    body.close()
    assert "sent" not in log
    expected = ClientDisconnected if how == "leaves" else LookupError
    assert isinstance(log[-1][1], expected)


def test_error_of_on_sent_is_the_outcome_and_the_body_is_closed(app, log):
    closed = []

    class Body(list):
        def close(self):
            closed.append(True)

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return Body([b"x"])

    error = LookupError("of the listener")

    @app.on_sent
    def fail(environ):
        raise error

    with pytest.raises(ConnectionResetError):
        get(app, inner)
    assert closed == [True]
    assert log[-1] == ("finish", error)


def test_on_finish_comes_when_no_context_is_left(app):
    seen = []
    view(app)(lambda: "x")
    app.on_finish(lambda environ, outcome: seen.append((has_app_context(), environ["PATH_INFO"])))
    get(app)
    assert seen == [(False, "/")]


def test_on_finish_is_told_the_view_s_error_a_teardown_s_and_none_for_a_404(app, log):
    error = LookupError("of the teardown")
    view(app)(lambda: "x")
    get(app, PATH_INFO="/unknown")
    assert log[-1] == ("finish", None)

    @app.teardown_request
    def fail(outcome):
        raise error

    with pytest.raises(ConnectionResetError):
        get(app)
    assert log[-1] == ("finish", error)


def test_on_finish_prefers_the_first_error_to_that_of_a_teardown(app, log):
    @app.teardown_request
    def fail(outcome):
        raise LookupError("second")

    view(app)(lambda: abort(400))
    with pytest.raises(ConnectionResetError):
        get(app)
    assert log[-1][1].code == 400


def test_on_finish_comes_also_where_the_request_raises_into_the_server(app, log):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    view(app)(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        get(app)
    assert [entry[0] for entry in log if isinstance(entry, tuple)] == ["finish"]
    assert isinstance(log[-1][1], ZeroDivisionError)


def test_every_listener_runs_when_several_raise(app):
    calls = []

    def failing(number):
        def fail(environ, outcome=None):
            calls.append(number)
            raise LookupError(number)

        return fail

    for number in (1, 2):
        app.on_sent(failing(number))
        app.on_finish(failing(number + 2))
    app.config["PROPAGATE_EXCEPTIONS"] = True
    view(app)(lambda: "x")
    with pytest.raises(ExceptionGroup):
        get(app)
    assert calls == [1, 2, 3, 4]


def test_listeners_may_come_after_the_chain_was_built(app):
    seen = []
    application = standard(app)
    view(app)(lambda: "x")
    app.on_commit(lambda environ, status, headers: seen.append("commit"))
    app.on_sent(lambda environ: seen.append("sent"))
    app.on_finish(lambda environ, outcome: seen.append("finish"))
    body = application(create_environ("/"), lambda *args: None)
    b"".join(body)
    body.close()
    assert seen == ["commit", "sent", "finish"]


def test_on_sent_and_on_finish_are_told_of_the_environ(app):
    seen = []
    app.on_sent(lambda environ: seen.append(environ["REQUEST_ID"]))
    app.on_finish(lambda environ, outcome: seen.append(environ["REQUEST_ID"]))
    view(app)(lambda: "text")
    get(app, REQUEST_ID="7")
    assert seen == ["7", "7"]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1)])
def test_on_finish_comes_whatever_a_teardown_raises(app, log, error):
    @app.teardown_request
    def end(outcome):
        raise error

    view(app)(lambda: "text")
    with suppress(ResponseAborted, SystemExit):
        get(app)
    assert log[-1] == ("finish", error)


def test_nothing_of_the_request_is_kept_when_on_finish_raises(app):
    contexts = []

    @app.on_finish
    def end(environ, outcome):
        raise KeyError("of on_finish")

    view(app)(lambda: contexts.append(request_contexts.top) or "text")
    with suppress(ResponseAborted):
        get(app)
    assert contexts[0].environ == {}
    assert repr(contexts[0]).startswith("<RequestContext of 'events'")


def test_decorators_give_the_function_back(app):
    def listener(*args):
        """Nothing."""

    assert app.on_commit(listener) is app.on_sent(listener) is app.on_finish(listener) is listener


def test_providers_have_ended_when_on_finish_comes(app):
    log = []

    def connect():
        yield "connection"
        log.append("provider ended")

    view(app)(lambda: g.db)
    app.on_finish(lambda environ, outcome: log.append("finish"))
    body = standard(app, g={"db": connect})(create_environ("/"), lambda *args: None)
    body.close()
    assert log == ["provider ended", "finish"]
