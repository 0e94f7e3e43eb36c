"""The start of a response, kept back until the after_request hooks have seen it."""

import secrets
import sys

import pytest
import werkzeug
from webtest import TestApp
from werkzeug.exceptions import NotFound
from werkzeug.test import create_environ

from wsgikit import (
    App,
    Response,
    after_this_request,
    current_app,
    request,
    send_file,
    session,
    signals,
)
from wsgikit.environ import CONTEXT
from wsgikit.errors import ResponseAborted, SessionTooLarge
from wsgikit.middleware import standard

PLAIN = [("Content-Type", "text/plain")]


class Body:
    """Chunks that count how often they were closed; ``len`` of nothing, as a stream."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.closed = 0

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        self.closed += 1


@pytest.fixture
def body():
    return Body(b"a", b"b")


@pytest.fixture
def serve(app, body):
    """Serve a WSGI app, by default one that streams ``body``, in the standard chain of ``app``."""

    def streaming(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return body

    def serve(inner=streaming, **options):
        client = TestApp(standard(inner, current_app=app))
        return client.request("/", **{"status": "*", **options})

    return serve


def raw(application, **environ):
    """Serve without a client in between: what start_response got, and the open body."""
    started, written = [], []

    def start_response(status, headers, exc_info=None):
        if exc_info is not None and written:
            raise exc_info[1]
        started.append((status, headers))
        return written.append

    return application({**create_environ("/"), **environ}, start_response), started, written


def test_without_hooks_status_headers_and_body_pass(app, body):
    headers = [("x-odd-Case", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]

    def inner(environ, start_response):
        start_response("299 Own Words", headers)
        return body

    sent, started, _ = raw(standard(inner, current_app=app))
    assert started == [("299 Own Words", headers)]
    assert list(sent) == [b"a", b"b"]
    sent.close()
    assert body.closed == 1


@pytest.mark.parametrize("status", ["299 ", "299"])
def test_status_without_a_reason_passes_a_hook_that_changes_nothing(app, body, status):
    app.after_request(lambda response: response)

    def inner(environ, start_response):
        start_response(status, PLAIN)
        return body

    sent, started, _ = raw(standard(inner, current_app=app))
    assert started == [(status, PLAIN)]
    assert list(sent) == [b"a", b"b"]
    sent.close()


def test_hook_sees_status_and_headers_and_changes_them(app, body, serve):
    seen = []

    @app.after_request
    def hook(response):
        seen.append((response.status, response.headers["Content-Type"]))
        response.headers["X-After"] = "yes"
        response.headers["Content-Type"] = "text/csv"

    response = serve()
    assert seen == [("200 OK", "text/plain")]
    assert (response.body, response.headers["X-After"]) == (b"ab", "yes")
    assert response.headers["Content-Type"] == "text/csv"
    assert body.closed == 1


def test_hooks_leave_a_stream_untouched(app, body):
    app.after_request(lambda response: response)

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        yield b"one"
        log.append("second chunk")
        yield b"two"

    log = []
    sent, started, _ = raw(standard(inner, current_app=app))
    chunks = iter(sent)
    assert (next(chunks), log) == (b"one", [])
    assert started == [("200 OK", PLAIN)]
    assert (next(chunks), log) == (b"two", ["second chunk"])
    sent.close()


@pytest.mark.parametrize("hooked", [False, True])
def test_complete_body_of_a_view_keeps_its_length_through_the_chain(app, hooked):
    if hooked:
        app.after_request(lambda response: response)
    app.add_url_rule("/", "view", lambda: "x")
    sent, _, _ = raw(standard(app))
    assert len(sent) == 1
    sent.close()


def test_hooks_leave_a_file_of_the_server(app, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    app.add_url_rule("/", "view", lambda: send_file(path))
    app.after_request(lambda response: response.headers.add("X-After", "yes"))

    class Wrapper(Body):
        def __init__(self, file, size=8192):
            super().__init__(file.read())
            file.close()

    sent, _, _ = raw(standard(app), **{"wsgi.file_wrapper": Wrapper})
    assert type(sent) is Wrapper
    sent.close()


def set_status(response):
    response.status_code = 202


def set_body(response):
    response.set_data(b"new")


def read_body(response):
    response.headers["X-Size"] = str(len(response.get_data()))


def upper(response):
    response.set_data(response.get_data().upper())


@pytest.mark.parametrize(
    ("hook", "status", "content"),
    [
        (set_status, "202 ACCEPTED", b"ab"),
        (set_body, "200 OK", b"new"),
        (read_body, "200 OK", b"ab"),
        (upper, "200 OK", b"AB"),
        (lambda response: Response("other", 203), "203 NON AUTHORITATIVE INFORMATION", b"other"),
        (lambda response: ("other", 203), "203 NON AUTHORITATIVE INFORMATION", b"other"),
        (lambda response: werkzeug.Response("other"), "200 OK", b"other"),
        (lambda response: iter(["o", "k"]), "200 OK", b"ok"),
        (lambda response: NotFound("nothing"), "404 NOT FOUND", None),
        (lambda response: response, "200 OK", b"ab"),
        (lambda response: None, "200 OK", b"ab"),
    ],
)
def test_hook_may_replace_status_body_or_response(app, body, serve, hook, status, content):
    app.after_request(hook)
    response = serve()
    assert response.status == status
    assert content is None or response.body == content
    assert body.closed == 1


@pytest.mark.parametrize("code", [204, 304])
def test_hook_that_makes_it_bodyless_closes_the_body(app, body, serve, code):
    def hook(response):
        response.status_code = code
        del response.headers["Content-Type"]

    app.after_request(hook)
    response = serve()
    assert (response.status_int, response.body) == (code, b"")
    assert body.closed == 1


def test_length_follows_a_replaced_body(app, serve):
    def inner(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        return [b"one"]

    app.after_request(lambda response: response.set_data(b"longer"))
    response = serve(inner)
    assert (response.headers["Content-Length"], response.body) == ("6", b"longer")


def test_response_of_a_hook_may_stream_the_former_one(app, body, serve):
    @app.after_request
    def hook(response):
        return Response(chunk.upper() for chunk in response.response)

    assert serve().body == b"AB"
    assert body.closed == 1


def test_response_of_a_hook_may_reuse_the_former_body(app, body, serve):
    log = []
    app.after_request(lambda response: Response(response.response, 202))

    @app.after_request
    def first(response):
        response.call_on_close(lambda: log.append("closed"))

    response = serve()
    assert (response.status_int, response.body) == (202, b"ab")
    assert (body.closed, log) == (1, ["closed"])


def test_file_that_a_hook_answers_with_closes_the_former_body(app, body, serve, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    app.after_request(lambda response: send_file(path))
    assert serve().body == b"content"
    assert body.closed == 1


def test_response_that_a_hook_drops_is_closed(app, body, serve):
    dropped = Body(b"dropped")
    app.after_request(lambda response: "last")
    app.after_request(lambda response: Response(dropped))
    assert serve().body == b"last"
    assert (dropped.closed, body.closed) == (1, 1)


@pytest.mark.parametrize("hook", [None, set_status, set_body, read_body])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_callbacks_that_a_hook_adds_run_at_close(app, body, serve, hook, method):
    log = []
    app.after_request(
        lambda response: response.call_on_close(lambda: log.append("closed")) and None
    )
    if hook is not None:
        app.after_request(hook)
    serve(method=method)
    assert (log, body.closed) == (["closed"], 1)


@pytest.mark.parametrize("fails", ["hook", "start_response"])
def test_error_is_not_lost_when_the_body_that_it_drops_fails_to_close(app, body, fails):
    error, close_error = KeyError(fails), ValueError("close")

    def fail(*args):
        raise error

    def close():
        raise close_error

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return body

    body.close = close
    if fails == "hook":
        app.after_request(fail)
    layer = standard(inner, current_app=app)
    with pytest.raises(ExceptionGroup) as raised:
        layer(create_environ(), fail if fails == "start_response" else lambda *args: print)
    assert set(raised.value.exceptions) == {error, close_error}


def test_hook_gets_the_apps_response_class(app, serve):
    class Own(Response):
        def mark(self):
            self.headers["X-Marked"] = "yes"

    app.response_class = Own
    app.after_request(lambda response: response.mark())
    assert serve().headers["X-Marked"] == "yes"


def test_this_requests_functions_run_first_and_in_order(app, serve):
    log = []

    @app.before_request
    def before():
        after_this_request(lambda response: log.append("this 1"))
        after_this_request(lambda response: log.append("this 2"))

    app.after_request(lambda response: log.append("app 1"))
    app.after_request(lambda response: log.append("app 2"))
    serve()
    assert log == ["this 1", "this 2", "app 2", "app 1"]


def test_this_requests_function_may_replace_the_response(app, body, serve):
    app.before_request(lambda: after_this_request(lambda response: "other") and None)
    assert serve().body == b"other"
    assert body.closed == 1


def test_hook_writes_to_the_session_in_time(app, serve):
    app.after_request(lambda response: session.update(seen=1))
    assert "wsgikit_session=" in serve().headers["Set-Cookie"]


@pytest.mark.parametrize("earlier", [None, read_body, set_status, set_body])
def test_hook_that_raises_closes_the_body_and_is_the_outcome(app, body, serve, earlier):
    outcomes = []
    app.teardown_request(outcomes.append)
    error = LookupError("hook")

    @app.after_request
    def hook(response):
        raise error

    if earlier is not None:
        app.after_request(earlier)
    with pytest.raises(LookupError, match="hook"):
        serve()
    assert body.closed == 1
    assert outcomes == [error]


@pytest.mark.parametrize("reuse", [False, True])
def test_hook_that_raises_ends_all_former_responses_once(app, body, serve, reuse):
    log = []
    own = Body(b"own")

    @app.after_request
    def last(response):
        raise LookupError("hook")

    @app.after_request
    def replace(response):
        return Response(response.response if reuse else own)

    @app.after_request
    def first(response):
        response.call_on_close(lambda: log.append("closed"))

    with pytest.raises(LookupError, match="hook"):
        serve()
    assert (body.closed, own.closed) == (1, 0 if reuse else 1)
    assert log == ["closed"]


@pytest.mark.parametrize("hook", [None, set_body])
def test_receiver_of_request_finished_that_raises_closes_the_body(app, body, serve, hook):
    def receiver(sender, response):
        raise LookupError("receiver")

    if hook is not None:
        app.after_request(hook)
    with (
        signals.request_finished.connected_to(receiver, app),
        pytest.raises(LookupError, match="receiver"),
    ):
        serve()
    assert body.closed == 1


def test_error_of_a_hook_goes_to_the_handlers(app, body, serve):
    calls = []

    @app.after_request
    def hook(response):
        calls.append(response.status)
        if len(calls) == 1:
            raise LookupError("hook")

    app.register_error_handler(LookupError, lambda error: ("handled", 502))
    assert serve().body == b"handled"
    assert calls == ["200 OK", "502 BAD GATEWAY"]
    assert body.closed == 1


def test_hook_that_raises_for_an_errors_response_is_logged_and_not_in_its_way(app, serve, caplog):
    log = []

    def inner(environ, start_response):
        raise LookupError("view")

    @app.after_request
    def last(response):
        log.append("last")

    @app.after_request
    def hook(response):
        raise ZeroDivisionError("hook")

    app.register_error_handler(LookupError, lambda error: ("handled", 502))
    response = serve(inner)
    assert (response.status_int, response.body) == (502, b"handled")
    assert log == ["last"]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("tests", "ERROR")
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_start_kept_back_is_replaced_by_the_errors_response(app, serve):
    def inner(environ, start_response):
        start_response("200 OK", [*PLAIN, ("X-First", "1")])
        raise LookupError("late")

    app.register_error_handler(LookupError, lambda error: ("handled", 502))
    response = serve(inner)
    assert (response.status_int, response.body) == (502, b"handled")
    assert "X-First" not in response.headers


def test_error_of_the_first_chunk_is_replaced_for_a_generator_app(app, serve):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        raise LookupError("late")
        yield b""

    app.register_error_handler(LookupError, lambda error: ("handled", 502))
    assert serve(inner).body == b"handled"


@pytest.mark.parametrize("hooked", [False, True])
def test_generator_app_starts_with_its_first_chunk(app, serve, hooked):
    events = []

    def inner(environ, start_response):
        try:
            start_response("299 Late", list(PLAIN))
            yield b"a"
            yield request.path.encode()
        finally:
            events.append("closed")

    if hooked:
        app.after_request(lambda response: response.headers.add("X-Seen", response.status))
    response = serve(inner)
    assert (response.status, response.body) == ("299 Late", b"a/")
    assert response.headers.get("X-Seen") == ("299 Late" if hooked else None)
    assert events == ["closed"]


@pytest.mark.parametrize("hooked", [False, True])
def test_write_sends_at_once_after_the_hooks(app, body, hooked):
    calls = []

    def inner(environ, start_response):
        write = start_response("299 Written", list(PLAIN))
        assert calls == []
        write(b"first ")
        assert written == [b"first "]
        write(b"second ")
        return body

    @app.before_request
    def before():
        if hooked:
            after_this_request(lambda response: calls.append(response.status))

    written = []

    def start_response(status, headers, exc_info=None):
        started.append((status, headers))
        return written.append

    started = []
    sent = standard(inner, current_app=app)(create_environ("/"), start_response)
    assert list(sent) == [b"a", b"b"]
    sent.close()
    assert started == [("299 Written", PLAIN)]
    assert written == [b"first ", b"second "]
    assert calls == (["299 Written"] if hooked else [])
    assert body.closed == 1


def test_write_before_a_generators_chunk(app, serve):
    app.after_request(lambda response: response.headers.add("X-Seen", response.status))

    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"written ")
        yield b"yielded"

    response = serve(inner)
    assert (response.body, response.headers["X-Seen"]) == (b"written yielded", "200 OK")


def test_hook_changes_the_headers_of_write(app, serve):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"written")
        return []

    @app.after_request
    def hook(response):
        response.status_code = 202
        response.headers["X-After"] = "yes"

    response = serve(inner)
    assert (response.status_int, response.headers["X-After"]) == (202, "yes")
    assert response.body == b"written"


def test_error_after_write_goes_to_the_server(app):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"written")
        raise LookupError("too late")

    app.register_error_handler(LookupError, lambda error: "never")
    with pytest.raises(LookupError, match="too late"):
        raw(standard(inner, current_app=app))


def test_restart_with_exc_info_replaces_a_start_that_waits(app, serve):
    def inner(environ, start_response):
        start_response("200 OK", [*PLAIN, ("X-First", "1")])
        try:
            raise LookupError
        except LookupError:
            start_response("503 Sorry", list(PLAIN), sys.exc_info())
        return [b"sorry"]

    seen = []
    app.after_request(lambda response: seen.append(response.status))
    response = serve(inner)
    assert (response.status, response.body, seen) == ("503 Sorry", b"sorry", ["503 Sorry"])
    assert "X-First" not in response.headers


def test_restart_after_sending_passes_exc_info_to_the_server(app):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"written")
        try:
            raise LookupError("late")
        except LookupError:
            start_response("500 Oops", list(PLAIN), sys.exc_info())
        return []

    app.config["TESTING"] = False
    with pytest.raises(ResponseAborted) as cut:
        raw(standard(inner, current_app=app))
    assert isinstance(cut.value.__cause__, LookupError)


def test_hooks_see_their_own_app_when_a_chain_inside_writes(app):
    seen, inner_app = [], App("inner", config={"SECRET_KEY": "k"})
    app.after_request(lambda response: seen.append(current_app.name))

    def writes(environ, start_response):
        start_response("200 OK", list(PLAIN))(b"written")
        seen.append(current_app.name)
        return []

    body, *_ = raw(standard(standard(writes, current_app=inner_app), current_app=app))
    body.close()
    assert seen == [app.name, "inner"]


def test_second_start_without_exc_info_is_refused(serve):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        start_response("201 Created", list(PLAIN))
        return []

    with pytest.raises(AssertionError, match="twice without exc_info"):
        serve(inner)


def test_missing_start_is_told_and_the_body_closed(body, serve):
    with pytest.raises(RuntimeError, match="without calling start_response"):
        serve(lambda environ, start_response: body)
    assert body.closed == 1


def test_start_of_the_server_that_raises_closes_the_body(app, body):
    def inner(environ, start_response):
        start_response("200 OK", list(PLAIN))
        return body

    def server(status, headers, exc_info=None):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        standard(inner, current_app=app)(create_environ("/"), server)
    assert body.closed == 1


def test_start_that_raises_closes_a_hooks_response_too(app, body, serve):
    own = Body(b"own")

    def hook(response):
        session["big"] = secrets.token_hex(4000)
        return Response(own)

    app.after_request(hook)
    with pytest.raises(SessionTooLarge):
        serve()
    assert (own.closed, body.closed) == (1, 1)


def test_request_finished_is_sent_without_hooks_too(app, serve):
    seen = []

    def receiver(sender, response):
        seen.append((sender, response.status, request.path))

    with signals.request_finished.connected_to(receiver, app):
        assert serve().body == b"ab"
    assert seen == [(app, "200 OK", "/")]


def test_request_finished_is_sent_once_for_write(app, serve):
    seen = []

    def receiver(sender, response):
        seen.append(response.status)

    def inner(environ, start_response):
        write = start_response("200 OK", list(PLAIN))
        write(b"a")
        write(b"b")
        return [b"c"]

    with signals.request_finished.connected_to(receiver, app):
        assert serve(inner).body == b"abc"
    assert seen == ["200 OK"]


def test_shared_header_list_of_the_app_stays_as_it_was(app, serve):
    headers = list(PLAIN)

    def inner(environ, start_response):
        start_response("200 OK", headers)
        return []

    app.after_request(lambda response: response.headers.add("X-After", "yes"))
    assert serve(inner).headers["X-After"] == "yes"
    assert headers == PLAIN


@pytest.mark.parametrize("hook", [None, set_status, read_body])
def test_head_of_a_wrapped_app_stays_bodyless(app, serve, hook):
    def inner(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        return []

    if hook is not None:
        app.after_request(hook)
    response = serve(inner, method="HEAD")
    assert (response.body, response.headers["Content-Length"]) == (b"", "3")


def test_context_is_there_for_hooks(app, serve):
    app.after_request(lambda response: response.headers.add("X-Path", request.path))
    assert serve().headers["X-Path"] == "/"


def test_hooks_see_the_environ_of_the_context(app, serve):
    seen = []

    def inner(environ, start_response):
        seen.append(environ[CONTEXT].app)
        start_response("200 OK", list(PLAIN))
        return []

    serve(inner)
    assert seen == [app]
