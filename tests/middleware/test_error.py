"""ErrorMiddleware."""

import logging
import re

import pytest
from werkzeug.exceptions import Forbidden, InternalServerError

from wsgikit import App, request, signals
from wsgikit.environ import CONTEXT
from wsgikit.errors import ResponseAborted
from wsgikit.middleware import ContextMiddleware, ErrorMiddleware, ProxyMiddleware

LOCAL = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}


@pytest.fixture
def app():
    return App("legacy")


def chain(app, inner, **options):
    return ContextMiddleware(ErrorMiddleware(inner, **options), current_app=app)


def failing(environ, start_response):
    raise LookupError("a detail of ours")


@pytest.fixture
def reported(app):
    errors = []

    def remember(sender, exception):
        errors.append(exception)

    with signals.got_request_exception.connected_to(remember, app):
        yield errors


def test_error_is_logged_and_sent_once_without_private_data(app, serve, caplog, reported):
    answer = serve(
        chain(app, failing),
        PATH_INFO="/a\nb",
        QUERY_STRING="token=private",
        HTTP_COOKIE="private",
        HTTP_AUTHORIZATION="private",
    )
    assert answer.status == "500 INTERNAL SERVER ERROR"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("legacy", logging.ERROR)
    assert re.fullmatch(r"Exception on '/a\\nb' \[GET\], request \w{16}", record.getMessage())
    assert record.exc_info[1] is reported[0]
    assert len(reported) == 1
    assert "private" not in caplog.text


def test_http_exception_is_its_own_response_and_no_report(app, serve, caplog, reported):
    def forbidden(environ, start_response):
        raise Forbidden

    assert serve(chain(app, forbidden)).status == "403 FORBIDDEN"
    assert not caplog.records
    assert not reported


def test_500_handler_gets_the_original_exception_in_the_context(app, serve, reported):
    @app.errorhandler(500)
    def server_error(error):
        return f"{type(error.original_exception).__name__} on {request.path}", 500

    assert isinstance(InternalServerError(), InternalServerError)
    answer = serve(chain(app, failing), PATH_INFO="/here")
    assert answer.body == b"LookupError on /here"
    assert len(reported) == 1


def test_error_handler_of_the_class_answers_without_a_report(app, serve, reported):
    app.register_error_handler(LookupError, lambda error: ("handled", 418))
    assert serve(chain(app, failing)).status == "418 I'M A TEAPOT"
    assert not reported


def test_failing_error_handler_gets_the_plain_page(app, serve, caplog):
    @app.errorhandler(500)
    def broken(error):
        raise ValueError("in the handler")

    answer = serve(chain(app, failing))
    assert answer.status == "500 INTERNAL SERVER ERROR"
    assert [record.exc_info[0] for record in caplog.records] == [LookupError, ValueError]


@pytest.mark.parametrize("key", ["TESTING", "PROPAGATE_EXCEPTIONS"])
def test_error_is_raised_again_when_it_is_to_propagate(key, app, serve, caplog, reported):
    app.config[key] = True
    app.register_error_handler(500, lambda error: "not called")
    answer = serve(chain(app, failing))
    assert isinstance(answer.error, LookupError)
    assert reported == [answer.error]
    assert not caplog.records  # the server logs what it gets


def test_generator_app_that_fails_before_its_start_is_answered(app, serve):
    def generator(environ, start_response):
        raise LookupError
        yield b""

    assert serve(chain(app, generator)).status == "500 INTERNAL SERVER ERROR"


def test_error_after_write_reaches_the_server(app, serve):
    def writes(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])(b"half")
        raise LookupError("after half a page")

    answer = serve(chain(app, writes))
    assert answer.chunks == [b"half"]
    assert isinstance(answer.error, ResponseAborted)
    assert isinstance(answer.error.__cause__, LookupError)


def test_outer_layer_sees_one_cookie_of_the_response_that_is_sent(app, serve):
    from wsgikit.lifecycle import on_start

    def late(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        raise LookupError

    layer = chain(app, late)

    def outer(environ, start_response):
        def add(status, headers):
            headers.append(("X-Outer", status))

        return layer(environ, on_start(start_response, add))

    headers = serve(outer).headers
    assert [value for name, value in headers if name == "X-Outer"] == ["500 INTERNAL SERVER ERROR"]


def test_debugger_shows_the_traceback_to_this_machine(app, serve, reported):
    answer = serve(chain(app, failing, debug=True), **LOCAL)
    assert b"LookupError" in answer.body
    assert b"Werkzeug Debugger" in answer.body
    assert len(reported) == 1


@pytest.mark.parametrize(
    "client",
    [
        {"REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "localhost"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org"},
        {"REMOTE_ADDR": "", "HTTP_HOST": "localhost"},
    ],
)
def test_debugger_is_shown_to_no_one_else(client, app, serve):
    answer = serve(chain(app, failing, debug=True), **client)
    assert answer.status == "500 INTERNAL SERVER ERROR"
    assert b"a detail of ours" not in answer.body


@pytest.mark.parametrize("trusted", [[], ["127.0.0.1"]])
@pytest.mark.parametrize(
    "header", ["X_FORWARDED_FOR", "X_FORWARDED_PROTO", "FORWARDED", "X_REAL_IP", "X_FORWARDED_HOST"]
)
def test_debugger_is_shown_to_no_client_of_a_proxy_on_this_machine(header, trusted, app, serve):
    value = "127.0.0.1" if header.endswith("FOR") else "http"
    layer = ProxyMiddleware(chain(app, failing, debug=True), trusted=trusted)
    answer = serve(layer, **LOCAL, **{f"HTTP_{header}": value})
    assert answer.status == "500 INTERNAL SERVER ERROR"
    assert b"a detail of ours" not in answer.body


@pytest.mark.parametrize("header", ["VIA", "X_REAL_IP", "X_FORWARDED_PROTO", "CF_CONNECTING_IP"])
def test_debugger_is_shown_to_no_client_of_a_proxy_that_nobody_has_named(header, app, serve):
    answer = serve(chain(app, failing, debug=True), **LOCAL, **{f"HTTP_{header}": "127.0.0.1"})
    assert answer.status == "500 INTERNAL SERVER ERROR"
    assert b"a detail of ours" not in answer.body


@pytest.mark.parametrize(("multiprocess", "console"), [(False, b"true"), (True, b"false")])
def test_debugger_has_a_console_only_in_a_single_process(multiprocess, console, app, serve):
    answer = serve(chain(app, failing, debug=True), **{**LOCAL, "wsgi.multiprocess": multiprocess})
    assert b"EVALEX = " + console in answer.body


def test_debugger_leaves_handled_errors_and_pages_alone(app, serve):
    app.register_error_handler(LookupError, lambda error: ("handled", 418))
    assert serve(chain(app, failing, debug=True), **LOCAL).body == b"handled"

    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ[CONTEXT].app.name.encode()]

    assert serve(chain(app, page, debug=True), **LOCAL).body == b"legacy"


def test_debugger_lets_a_broken_stream_be_cut(app, serve):
    outcomes = []
    app.on_finish(lambda environ, outcome: outcomes.append(outcome))

    def stream(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"half"
        raise LookupError("in the stream")

    answer = serve(chain(app, stream, debug=True), **LOCAL)
    assert answer.chunks == [b"half"]
    assert isinstance(answer.error, ResponseAborted)
    assert outcomes == [answer.error.__cause__]


def test_debugger_answers_its_page_and_no_one_else(app, serve):
    def page(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"of the app"]

    layer, query = chain(app, page, debug=True), "__debugger__=yes&cmd=resource&f=style.css"
    assert b"font-family" in serve(layer, QUERY_STRING=query, **LOCAL).body
    assert serve(layer, QUERY_STRING=query, REMOTE_ADDR="192.0.2.1").body == b"of the app"
    assert serve(layer, PATH_INFO="/console", **LOCAL).body == b"of the app"
