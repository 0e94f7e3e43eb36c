"""The request's id and trace: whose are believed, and where they are to be found."""

import logging
import re
import sys
import time
import uuid

import pytest
from webtest import TestApp
from werkzeug.test import create_environ

from wsgikit import App, Pipeline, copy_current_request_context
from wsgikit.environ import PEER, REQUEST_ID, TRACEPARENT, TRUSTED_PEER
from wsgikit.errors import ConfigurationError, PipelineError
from wsgikit.log_context import RequestIDFilter
from wsgikit.middleware import ContextMiddleware, RequestIDMiddleware, standard
from wsgikit.testing import conformance

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
NAMES = ("HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT", "HTTP_TRACESTATE", REQUEST_ID, TRACEPARENT)


class Seen(dict):
    """An app that keeps what it has found in the environ."""

    def __call__(self, environ, start_response):
        self.update({name: environ[name] for name in NAMES if name in environ})
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]


@pytest.fixture
def seen():
    return Seen()


def header(answer, name="X-Request-ID"):
    return [value for key, value in answer.headers if key.lower() == name.lower()]


def test_id_is_a_uuid_of_version_7(seen, serve):
    before = time.time_ns() // 1_000_000
    answer = serve(RequestIDMiddleware(seen))
    made = uuid.UUID(seen[REQUEST_ID])
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000
    assert header(answer) == [str(made)] == [seen["HTTP_X_REQUEST_ID"]]


def test_ids_differ(seen, serve):
    layer = RequestIDMiddleware(seen)
    assert len({header(serve(layer))[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("given", ["a", "A-z_0@9", "x" * 255])
def test_id_of_a_trusted_peer_is_taken_over(given, seen, serve):
    answer = serve(RequestIDMiddleware(seen), HTTP_X_REQUEST_ID=given, **{TRUSTED_PEER: True})
    assert seen[REQUEST_ID] == given
    assert header(answer) == [given]


@pytest.mark.parametrize(
    "given",
    ["", "x" * 256, "a b", "a\r\nSet-Cookie: b=c", "a\n", "é", "\uff41", "a,b", "<b>", "a/b", "²"],
)
def test_id_that_is_none_is_replaced(given, seen, serve):
    answer = serve(RequestIDMiddleware(seen), HTTP_X_REQUEST_ID=given, **{TRUSTED_PEER: True})
    assert uuid.UUID(seen[REQUEST_ID]).version == 7
    assert header(answer) == [seen[REQUEST_ID]]


@pytest.mark.parametrize("says", [{}, {TRUSTED_PEER: False}])
def test_nothing_is_taken_over_from_a_stranger(says, seen, serve):
    strange = {
        "HTTP_X_REQUEST_ID": "forged",
        "HTTP_TRACEPARENT": VALID,
        "HTTP_TRACESTATE": "a=b",
    }
    answer = serve(RequestIDMiddleware(seen), **strange, **says)
    assert header(answer) == [seen[REQUEST_ID]] == [seen["HTTP_X_REQUEST_ID"]] != ["forged"]
    assert TRACE not in seen[TRACEPARENT]
    assert "HTTP_TRACEPARENT" not in seen
    assert "HTTP_TRACESTATE" not in seen


@pytest.mark.parametrize(
    ("environ", "is_trusted"),
    [
        ({"REMOTE_ADDR": "10.1.2.3"}, True),
        ({"REMOTE_ADDR": "11.1.2.3"}, False),
        ({"REMOTE_ADDR": ""}, True),
        ({}, True),
        ({"REMOTE_ADDR": "203.0.113.1", PEER: "10.1.2.3"}, True),
        ({"REMOTE_ADDR": "10.1.2.3", PEER: "203.0.113.1"}, False),
        ({"REMOTE_ADDR": "203.0.113.1", TRUSTED_PEER: True}, False),
    ],
)
def test_own_networks_are_those_of_the_connection(environ, is_trusted, seen, serve):
    layer = RequestIDMiddleware(seen, trusted=["10.0.0.0/8", "unix"])
    serve(layer, HTTP_X_REQUEST_ID="given", **environ)
    assert (seen[REQUEST_ID] == "given") is is_trusted


def test_header_can_have_another_name(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["HTTP_X_CORRELATION"].encode()]

    layer = RequestIDMiddleware(app, header="X-Correlation", trusted=["unix"])
    answer = serve(layer, HTTP_X_CORRELATION="abc", HTTP_X_REQUEST_ID="no")
    assert answer.body == b"abc"
    assert header(answer, "X-Correlation") == ["abc"]
    assert header(answer) == []


@pytest.mark.parametrize("name", ["", "X Request", "X-Request:", "X-Request\n", "X_Request"])
def test_header_that_is_none_is_refused(name, seen):
    with pytest.raises(ConfigurationError, match="X-Request-ID"):
        RequestIDMiddleware(seen, header=name)


def test_trusted_must_be_networks(seen):
    with pytest.raises(ConfigurationError):
        RequestIDMiddleware(seen, trusted="10.0.0.0/8")


def test_own_id_replaces_that_of_the_app(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("x-request-id", "app")])
        return [b""]

    answer = serve(RequestIDMiddleware(app, trusted=["unix"]), HTTP_X_REQUEST_ID="ours")
    assert header(answer) == ["ours"]


def test_id_of_a_layer_outside_stays(seen, serve):
    pipeline = RequestIDMiddleware(RequestIDMiddleware(seen))
    answer = serve(pipeline)
    assert header(answer) == [seen[REQUEST_ID]]
    answer = serve(RequestIDMiddleware(seen), **{REQUEST_ID: "outer", TRACEPARENT: VALID})
    assert header(answer) == ["outer"] == [seen[REQUEST_ID]]
    assert seen[TRACEPARENT] == VALID


def test_id_is_on_the_page_of_an_error_and_in_its_log(app, caplog):
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    @app.get("/broken")
    def broken():
        raise ValueError

    client = TestApp(RequestIDMiddleware(standard(app)))
    answer = client.get("/broken", status=500, headers={"Accept": "application/json"})
    request_id = answer.headers["X-Request-ID"]
    assert answer.json["request_id"] == request_id
    assert f"request {request_id}" in caplog.text


def test_restarted_response_has_one_id(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b""]

    answer = serve(RequestIDMiddleware(app))
    assert answer.status == "500 Oops"
    assert len(header(answer)) == 1


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        (VALID, VALID),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"01-{TRACE}-{SPAN}-01", VALID),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", VALID),
    ],
)
def test_trace_of_a_trusted_peer_is_passed_on(given, passed_on, seen, serve):
    layer = RequestIDMiddleware(seen, trusted=["unix"])
    serve(layer, HTTP_TRACEPARENT=given, HTTP_TRACESTATE="vendor=1")
    assert seen[TRACEPARENT] == passed_on
    assert seen["HTTP_TRACEPARENT"] == given
    assert seen["HTTP_TRACESTATE"] == "vendor=1"


@pytest.mark.parametrize(
    "given",
    [
        "",
        TRACE,
        VALID.upper(),
        VALID + "\n",
        VALID + "-",
        VALID + "-more",
        VALID + "0",
        f" {VALID}",
        f"{VALID},{VALID}",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}_{SPAN}_01",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{'٤' * 32}-{SPAN}-01",
    ],
)
def test_trace_that_is_none_begins_a_new_one(given, seen, serve):
    layer = RequestIDMiddleware(seen, trusted=["unix"])
    serve(layer, HTTP_TRACEPARENT=given, HTTP_TRACESTATE="vendor=1")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", seen[TRACEPARENT])
    assert TRACE not in seen[TRACEPARENT]
    assert "HTTP_TRACEPARENT" not in seen
    assert "HTTP_TRACESTATE" not in seen


def test_filter_gives_each_line_the_ids_of_its_request(caplog, serve):
    """Also in an app of another framework, in its stream and in a thread it hands over to."""

    def app(environ, start_response):
        logging.warning("in the view")
        copy_current_request_context(lambda: logging.warning("in a thread"))()
        start_response("200 OK", [("Content-Type", "text/plain")])

        def body():
            logging.warning("in the body")
            yield b"ok"

        return body()

    chain = (
        Pipeline()
        .use(RequestIDMiddleware, trusted=["unix"])
        .use(ContextMiddleware, current_app=App("legacy"))
        .run(app)
    )
    caplog.handler.addFilter(RequestIDFilter())
    try:
        serve(chain, HTTP_X_REQUEST_ID="one", HTTP_TRACEPARENT=VALID)
        logging.warning("between")
        serve(chain, HTTP_X_REQUEST_ID="two", HTTP_TRACEPARENT=VALID)
    finally:
        caplog.handler.filters.clear()
    found = [(each.message, each.request_id, each.trace_id) for each in caplog.records]
    messages = ["in the view", "in a thread", "in the body"]
    one, two = ([(message, name, TRACE) for message in messages] for name in ("one", "two"))
    assert found == [*one, ("between", "-", "-"), *two]


def test_filter_finds_no_id_where_no_layer_has_given_one(app, caplog):
    caplog.handler.addFilter(RequestIDFilter())
    try:
        with app.request_context(create_environ()):
            logging.warning("no id")
    finally:
        caplog.handler.filters.clear()
    assert [(each.request_id, each.trace_id) for each in caplog.records] == [("-", "-")]


def test_pipeline_refuses_it_outside_what_tells_the_peer(seen):
    class Proxy(RequestIDMiddleware):
        provides = (TRUSTED_PEER,)
        uses = ()

    with pytest.raises(PipelineError, match="Move Proxy outside RequestIDMiddleware"):
        Pipeline().use(RequestIDMiddleware).use(Proxy).run(seen)


@pytest.mark.parametrize("case", conformance.CASES, ids=str)
def test_conformance(case):
    case.check(RequestIDMiddleware)


def test_trace_of_a_client_is_dropped_also_where_a_layer_outside_has_named_the_request(serve):
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [])
        return []

    forged = f"00-{'a' * 32}-{'b' * 16}-01"
    environ = {"HTTP_TRACEPARENT": forged, REQUEST_ID: "by-a-layer-outside"}
    serve(RequestIDMiddleware(app), **environ)
    assert seen[0][REQUEST_ID] == "by-a-layer-outside"
    assert seen[0][TRACEPARENT] != forged
    assert "HTTP_TRACEPARENT" not in seen[0]
