"""One line for each request, whatever becomes of it."""

import gc
import io
import json
import logging
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from datetime import datetime
from wsgiref.util import FileWrapper

import pytest
from webtest import TestApp
from werkzeug.exceptions import BadRequest, UnprocessableEntity

from wsgikit import App, Pipeline, request
from wsgikit.environ import REQUEST_ID, TRACEPARENT
from wsgikit.errors import ConfigurationError
from wsgikit.layer import Layer
from wsgikit.log_context import RequestIDFilter
from wsgikit.middleware import (
    AccessLogMiddleware,
    ContextMiddleware,
    HooksMiddleware,
    RequestIDMiddleware,
    standard,
)
from wsgikit.testing import conformance

PLAIN = [("Content-Type", "text/plain")]


@pytest.fixture
def lines(caplog):
    """The messages of the access log so far."""
    caplog.set_level(logging.INFO, logger="wsgikit.access")
    return lambda: [each.getMessage() for each in caplog.records if each.name == "wsgikit.access"]


@pytest.fixture
def log_of(lines, serve):
    """Serve one request, whose only line is returned as the JSON object that it is."""

    def log_of(app, **options):
        before = len(lines())
        serve(AccessLogMiddleware(app, format="json"), **options)
        (line,) = lines()[before:]
        return json.loads(line)

    return log_of


def ok(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"ok"]


def test_line_has_all_that_is_known(log_of):
    line = log_of(
        ok,
        SCRIPT_NAME="/site",
        PATH_INFO="/a b",
        QUERY_STRING="q=1&password=secret",
        REMOTE_ADDR="203.0.113.7",
        SERVER_PROTOCOL="HTTP/1.1",
        HTTP_USER_AGENT="curl/8",
        HTTP_REFERER="https://example.org/?token=secret",
        HTTP_COOKIE="secret",
        HTTP_AUTHORIZATION="secret",
        **{REQUEST_ID: "an-id", TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01"},
    )
    assert "secret" not in str(line)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert 0 < line.pop("first_byte") <= line.pop("seconds")
    assert line == {
        "client": "203.0.113.7",
        "method": "GET",
        "path": "/site/a%20b?q=1&password=***",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 2,
        "aborted": None,
        "rule": None,
        "request_id": "an-id",
        "trace_id": "a" * 32,
        "referer": "https://example.org/?token=***",
        "user_agent": "curl/8",
    }


def test_text_is_the_default(lines, serve):
    serve(AccessLogMiddleware(ok), REMOTE_ADDR="203.0.113.7")
    (line,) = lines()
    assert line.startswith("203.0.113.7 - - [")
    assert '"GET / HTTP/1.0" 200 2 "-" "-" first_byte=' in line


def test_lines_are_seen_though_nobody_has_configured_a_log():
    """In a process of its own, whose loggers nobody has touched."""
    code = """
from webtest import TestApp
from wsgikit.middleware import AccessLogMiddleware

def ok(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]

TestApp(AccessLogMiddleware(ok)).get("/seen")
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr == ""
    assert '"GET /seen HTTP/1.0" 200 2' in process.stdout


def test_rule_is_that_of_the_route(lines, app):
    @app.get("/users/<int:number>")
    def user(number):
        return "a user"

    client = TestApp(AccessLogMiddleware(standard(app), format="json"))
    client.get("/users/7")
    client.get("/nothing", status=404)
    assert [json.loads(line)["rule"] for line in lines()] == ["/users/<int:number>", None]


def test_rule_of_a_stream_and_of_a_failed_view(lines, app):
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    @app.get("/stream")
    def stream():
        yield "a"

    @app.get("/broken")
    def broken():
        raise ValueError

    client = TestApp(AccessLogMiddleware(standard(app), format="json"))
    client.get("/stream")
    client.get("/broken", status=500)
    found = [(line["rule"], line["status"]) for line in map(json.loads, lines())]
    assert found == [("/stream", 200), ("/broken", 500)]


@pytest.fixture
def failing(app):
    """An app whose errors reach the server."""

    @app.get("/broken/<name>")
    def broken(name):
        raise ValueError

    return app


class Late(Layer):
    """Calls the app inside when its first chunk is asked for."""

    def __call__(self, environ, start_response):
        yield from self.call_app(environ, start_response)


@pytest.mark.parametrize(
    "chain",
    [standard, ContextMiddleware, lambda app: ContextMiddleware(Late(app))],
    ids=["propagates", "no_error_layer", "late"],
)
def test_rule_of_an_error_that_reaches_the_server(failing, log_of, chain):
    line = log_of(chain(failing), PATH_INFO="/broken/x")
    assert (line["rule"], line["status"], line["aborted"]) == ("/broken/<name>", 500, None)


def test_rule_of_an_error_before_the_router(failing, log_of):
    failing.before_request(lambda: 1 / 0)
    line = log_of(standard(failing), PATH_INFO="/broken/x")
    assert (line["rule"], line["status"]) == ("/broken/<name>", 500)


def test_apps_of_other_frameworks_have_no_rule_looked_for(log_of, monkeypatch):
    legacy = App("legacy")
    monkeypatch.setattr(legacy.url_map, "find", None)
    line = log_of(ContextMiddleware(ok, current_app=legacy))
    assert (line["status"], line["rule"]) == (200, None)


def test_rule_that_cannot_be_found_costs_no_response(log_of, app):
    """A hook answers; nobody but the log would ask a converter that fails."""
    app.before_request(lambda: "from a hook")
    chain = Pipeline().use(ContextMiddleware).use(HooksMiddleware).run(app)
    app.url_map.find = lambda path, method: 1 / 0
    line = log_of(chain)
    assert (line["status"], line["rule"], line["aborted"]) == (200, None, None)


@pytest.mark.parametrize(
    ("name", "status", "size", "aborted"),
    [
        ("one_item_list", 200, 3, None),
        ("tuple_body", 200, 6, None),
        ("stream", 200, 11, None),
        ("generator", 200, 9, None),
        ("empty_generator", 200, 0, None),
        ("write", 200, 26, None),
        ("restart", 404, 13, None),
        ("no_content", 204, 0, None),
        ("not_modified", 304, 0, None),
        ("file", 200, 6, None),
        ("raises", 500, 0, None),
        ("raises_after_start", 500, 0, None),
        ("breaks_at_first_chunk", 500, 0, None),
        ("breaks_at_second_chunk", 200, 3, "error"),
        ("raises_in_close", 200, 6, None),
    ],
)
def test_what_was_sent(name, status, size, aborted, hostile, log_of):
    line = log_of(getattr(hostile, name))
    assert (line["status"], line["bytes"], line["aborted"]) == (status, size, aborted)


def test_error_of_the_app_reaches_the_server(hostile, serve, lines):
    answer = serve(AccessLogMiddleware(hostile.raises))
    assert isinstance(answer.error, LookupError)
    assert len(lines()) == 1


def test_head_has_no_bytes_even_where_an_app_sends_some(log_of):
    line = log_of(ok, REQUEST_METHOD="HEAD")
    assert (line["method"], line["status"], line["bytes"]) == ("HEAD", 200, 0)


@pytest.mark.parametrize(("declared", "size"), [("1", 1), ("2", 2), ("9", 2), ("no", 2)])
def test_server_sends_no_more_than_content_length(declared, size, log_of):
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("content-length", declared)])
        return [b"ok"]

    assert log_of(app)["bytes"] == size


@pytest.mark.parametrize(("name", "size"), [("stream", 6), ("tuple_body", 6), ("generator", 9)])
def test_client_that_leaves(name, size, hostile, log_of):
    leave_after = 1 if name != "stream" else 2
    line = log_of(getattr(hostile, name), leave_after=leave_after)
    assert line["aborted"] == "client"
    assert (line["status"], line["bytes"]) == (200, size)


def test_client_that_leaves_while_the_app_writes(lines):
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        with suppress(OSError):
            write(b"one")
        return []

    def gone(data):
        raise BrokenPipeError

    layer = AccessLogMiddleware(app, format="json")
    layer({"REQUEST_METHOD": "GET"}, lambda status, headers: gone).close()
    (line,) = map(json.loads, lines())
    assert (line["status"], line["bytes"], line["aborted"]) == (200, 3, "client")


def file_app(path, headers=()):
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, *headers])
        file = path.open("rb")
        file.seek(2)
        return environ["wsgi.file_wrapper"](file)

    return app


def test_file_goes_out_as_the_servers_own_object_with_its_size(tmp_path, lines):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    layer = AccessLogMiddleware(file_app(path), format="json")
    body = layer({"wsgi.file_wrapper": FileWrapper}, lambda status, headers: None)
    assert type(body) is FileWrapper
    body.close()
    (line,) = map(json.loads, lines())
    assert (line["bytes"], line["aborted"]) == (8, None)
    assert line["first_byte"] < line["seconds"]


def test_file_has_the_size_that_its_headers_say(tmp_path, log_of):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert log_of(file_app(path, [("Content-Length", "5")]))["bytes"] == 5


def test_file_that_was_cut_has_no_known_size(tmp_path, log_of):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    line = log_of(file_app(path), leave_after=0)
    assert (line["bytes"], line["aborted"]) == (None, "client")


class Cut:
    """The input of a client that has left while it sent its body."""

    def read(self, *args):
        raise ConnectionResetError

    readline = readinto = read


CUT = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "50"}


@pytest.fixture
def upload(app):
    """The standard chain around views that read the body, each in its way."""
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    @app.post("/raw")
    def raw():
        return request.environ["wsgi.input"].read()

    @app.post("/data")
    def data():
        return request.get_data()

    @app.post("/caught")
    def caught():
        try:
            return request.get_data()
        except BadRequest:
            raise UnprocessableEntity from None

    @app.errorhandler(UnprocessableEntity)
    def page(error):
        return "come back", 422

    return standard(app)


def test_client_that_leaves_while_its_body_is_read_is_answered_nothing(upload, log_of, caplog):
    line = log_of(upload, PATH_INFO="/raw", **CUT, **{"wsgi.input": Cut()})
    assert (line["status"], line["bytes"], line["aborted"]) == (None, 0, "client")
    assert line["rule"] == "/raw"
    assert "Exception on" not in caplog.text


@pytest.mark.parametrize(("path", "status"), [("/data", 400), ("/caught", 422)])
def test_client_that_leaves_and_is_answered_all_the_same(upload, log_of, path, status):
    line = log_of(upload, PATH_INFO=path, **CUT, **{"wsgi.input": Cut()})
    assert (line["rule"], line["status"], line["aborted"]) == (path, status, "client")


def test_body_that_ends_too_early_is_one_of_a_client_that_has_left(upload, log_of):
    line = log_of(upload, PATH_INFO="/data", **CUT, **{"wsgi.input": io.BytesIO(b"abc")})
    assert (line["status"], line["aborted"]) == (400, "client")


def test_connection_of_the_apps_own_is_no_client(app, log_of):
    @app.post("/")
    def ask_database():
        raise ConnectionResetError

    line = log_of(standard(app), **CUT, **{"wsgi.input": io.BytesIO(bytes(50))})
    assert (line["status"], line["aborted"]) == (500, None)


def test_layer_that_answers_in_place_of_a_body_is_no_client(app, log_of):
    app.get("/")(lambda: iter(["too ", "long"]))
    chain = standard(app)

    def limiter(environ, start_response):
        body = chain(environ, lambda status, headers: None)
        next(iter(body))
        body.close()
        start_response("500 Internal Server Error", PLAIN)
        return [b"the answer was too long"]

    line = log_of(limiter)
    assert (line["status"], line["aborted"]) == (500, None)


def storage_app(*parts):
    """Sends a file without a descriptor, as object stores have them; a part may be an error."""

    class Storage:
        def __init__(self):
            self.left = [*parts, b""]

        def read(self, size=-1):
            part = self.left.pop(0)
            if isinstance(part, Exception):
                raise part
            return part

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](Storage())

    return app


def test_file_without_descriptor_is_counted_by_what_is_read(log_of):
    line = log_of(storage_app(b"one", b"two"))
    assert (line["status"], line["bytes"], line["aborted"]) == (200, 6, None)
    assert 0 < line["first_byte"] < line["seconds"]


def test_file_without_descriptor_whose_first_read_fails_is_answered_with_500(log_of):
    line = log_of(storage_app(LookupError("the bucket is gone")))
    assert (line["status"], line["bytes"], line["aborted"]) == (500, 0, None)


def test_file_without_descriptor_that_was_cut(log_of):
    line = log_of(storage_app(b"one", LookupError("the bucket is gone")))
    assert (line["status"], line["bytes"], line["aborted"]) == (200, 3, "error")
    line = log_of(storage_app(b"one", b"two"), leave_after=1)
    assert (line["status"], line["bytes"], line["aborted"]) == (200, 6, "client")


def test_file_in_memory_counts_by_its_headers(log_of):
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"a file"))

    assert log_of(app)["bytes"] == 4


def test_file_that_its_wrapper_keeps_to_itself_has_no_known_size(log_of):
    """As one in C does."""

    class Wrapper:
        def __init__(self, file):
            self._file = file

        def __iter__(self):
            return iter(self._file)

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return environ["wsgi.file_wrapper"](io.BytesIO(b"a file"))

    line = log_of(app, **{"wsgi.file_wrapper": Wrapper})
    assert (line["status"], line["bytes"], line["aborted"]) == (200, None, None)


def test_files_other_methods_are_there_for_the_server(lines):
    layer = AccessLogMiddleware(storage_app())
    body = layer({"wsgi.file_wrapper": FileWrapper}, lambda status, headers: None)
    assert body.filelike.left == [b""]
    assert not hasattr(body.filelike, "fileno")
    body.close()


def test_body_that_the_server_drops_is_logged_when_it_is_collected(hostile, lines):
    body = AccessLogMiddleware(hostile.stream)({}, lambda status, headers: None)
    next(iter(body))
    assert lines() == []
    del body
    gc.collect()
    assert len(lines()) == 1


def test_body_is_logged_once_however_often_it_is_closed(hostile, lines):
    body = AccessLogMiddleware(hostile.stream)({}, lambda status, headers: None)
    body.close()
    body.close()
    assert len(lines()) == 1


def test_list_keeps_its_length(hostile, lines):
    body = AccessLogMiddleware(hostile.one_item_list)({}, lambda status, headers: None)
    assert len(body) == 1
    body.close()


def test_chunks_are_handed_over_as_they_are(lines):
    chunk = b"a chunk"

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return iter([chunk])

    assert next(iter(AccessLogMiddleware(app)({}, lambda status, headers: None))) is chunk


@pytest.mark.parametrize("name", ["one_item_list", "stream", "write", "file"])
def test_nothing_of_a_request_is_left_to_the_garbage_collector(name, hostile, lines, serve):
    class Value:
        pass

    value = Value()
    left = weakref.ref(value)
    layer = AccessLogMiddleware(getattr(hostile, name))
    gc.disable()
    try:
        serve(layer, value=value)
        del value
        assert left() is None
    finally:
        gc.enable()


def test_what_was_asked_is_logged_though_the_app_moves_and_clears_it(log_of):
    def app(environ, start_response):
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/mount", "/moved"
        environ.clear()
        start_response("200 OK", PLAIN)
        return [b"ok"]

    line = log_of(app, PATH_INFO="/asked", REQUEST_METHOD="POST", **{REQUEST_ID: "an-id"})
    assert (line["method"], line["path"], line["request_id"]) == ("POST", "/asked", "an-id")


def test_id_is_that_of_the_report_of_an_error(lines, app, caplog):
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    @app.get("/broken")
    def broken():
        raise ValueError

    TestApp(AccessLogMiddleware(standard(app), format="json")).get("/broken", status=500)
    (line,) = map(json.loads, lines())
    assert f"request {line['request_id']}" in caplog.text


def test_id_is_that_of_the_layer_outside(lines, serve):
    chain = Pipeline().use(RequestIDMiddleware).use(AccessLogMiddleware, format="json").run(ok)
    answer = serve(chain)
    (line,) = map(json.loads, lines())
    assert ("X-Request-ID", line["request_id"]) in answer.headers


def test_filter_of_a_handler_finds_the_ids_of_the_line(lines, serve, caplog):
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    for ids in ({REQUEST_ID: "an-id", TRACEPARENT: trace}, {}):
        serve(AccessLogMiddleware(ok), **ids)
    records = [each for each in caplog.records if RequestIDFilter().filter(each)]
    found = [(each.request_id, each.trace_id) for each in records]
    assert found == [("an-id", "a" * 32), ("-", "-")]


def test_own_names_of_parameters_are_redacted(lines, serve):
    serve(AccessLogMiddleware(ok, redact=["pet"]), QUERY_STRING="pet=rex&token=1")
    assert "?pet=***&token=1 " in lines()[0]


def test_nothing_is_measured_for_a_logger_that_is_off(hostile, caplog):
    caplog.set_level(logging.WARNING, logger="wsgikit.access")
    body = AccessLogMiddleware(hostile.stream)({}, lambda status, headers: None)
    assert body is hostile.bodies[0]


def test_logger_can_be_handed_over(caplog, serve):
    logger = logging.getLogger("tests.own")
    caplog.set_level(logging.INFO, logger="tests.own")
    serve(AccessLogMiddleware(ok, logger=logger))
    assert [each.name for each in caplog.records] == ["tests.own"]


@pytest.mark.parametrize("options", [{"format": "xml"}, {"redact": "token"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigurationError):
        AccessLogMiddleware(ok, **options)


@pytest.mark.parametrize("case", conformance.CASES, ids=str)
def test_conformance(case, lines):
    case.check(AccessLogMiddleware)


def test_file_that_was_closed_too_early_has_a_line(log_of):
    def app(environ, start_response):
        start_response("200 OK", [])
        with tempfile.TemporaryFile() as file:
            return environ["wsgi.file_wrapper"](file)

    line = log_of(app)
    assert (line["status"], line["bytes"], line["aborted"]) == (500, 0, None)
