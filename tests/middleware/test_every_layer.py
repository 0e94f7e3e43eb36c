"""What holds for each layer alone, and for the standard chain, between two validators."""

import pytest

from wsgikit.environ import CONTEXT, SESSION, G
from wsgikit.errors import ClientDisconnected, ResponseAborted

UNCHANGED = [
    "one_item_list",
    "tuple_body",
    "stream",
    "generator",
    "empty_generator",
    "write",
    "restart",
    "no_content",
    "not_modified",
    "head",
    "file",
]
ANSWERS_ERRORS = ("error", "standard")
ADDED = ("X-Request-ID",)


def headers(answer):
    """The app's own headers, without what a layer is there to add."""
    return [each for each in answer.headers if each[0] not in ADDED]


def cause(raised, layer):
    """The app's error behind what reached the server: a layer that has reported it cuts only."""
    if layer not in ANSWERS_ERRORS:
        return raised
    assert isinstance(raised, ResponseAborted)
    return raised.__cause__


@pytest.mark.parametrize("name", UNCHANGED)
def test_response_passes_unchanged(name, wrap, hostile, recorder, serve):
    app = getattr(hostile, name)
    bare, wrapped = serve(app), serve(wrap(app))
    assert wrapped.error is None
    assert (wrapped.status, headers(wrapped)) == (bare.status, bare.headers)
    assert wrapped.body == bare.body
    assert recorder.outcomes == [None]
    assert [body.closed for body in hostile.bodies] == [1] * len(hostile.bodies)


def test_head_is_left_to_the_app(wrap, hostile, serve):
    answer = serve(wrap(hostile.head), REQUEST_METHOD="HEAD")
    assert headers(answer) == [("Content-Type", "text/plain"), ("Content-Length", "3")]
    assert answer.chunks == []


def test_chunks_of_a_stream_are_not_merged(wrap, hostile, serve):
    assert serve(wrap(hostile.stream)).chunks == [b"one", b"", b"two", b"three"]


@pytest.mark.parametrize("name", ["raises", "raises_after_start", "breaks_at_first_chunk"])
def test_error_before_the_first_chunk(name, layer, wrap, hostile, recorder, serve):
    answer = serve(wrap(getattr(hostile, name)))
    if layer in ANSWERS_ERRORS:
        assert answer.error is None
        assert answer.status == "500 INTERNAL SERVER ERROR"
        assert b"Internal Server Error" in answer.body
    else:
        assert isinstance(answer.error, LookupError)
    assert [type(outcome) for outcome in recorder.outcomes] == [LookupError]
    assert [body.closed for body in hostile.bodies] == [1] * len(hostile.bodies)


def test_error_after_the_first_chunk_reaches_the_server(layer, wrap, hostile, recorder, serve):
    answer = serve(wrap(hostile.breaks_at_second_chunk))
    assert answer.status == "200 OK"
    error = cause(answer.error, layer)
    assert isinstance(error, LookupError)
    assert recorder.outcomes == [error]
    assert hostile.bodies[0].closed == 1


def test_error_in_close_reaches_the_server_and_the_teardown(layer, wrap, hostile, recorder, serve):
    answer = serve(wrap(hostile.raises_in_close))
    assert answer.body == b"onetwo"
    error = cause(answer.error, layer)
    assert str(error) == "close failed"
    assert recorder.outcomes == [error]


def test_client_that_leaves_is_the_outcome(wrap, hostile, recorder, serve):
    answer = serve(wrap(hostile.stream), leave_after=2)
    assert isinstance(answer.error, BrokenPipeError)
    (outcome,) = recorder.outcomes
    assert isinstance(outcome, ClientDisconnected)
    assert outcome.__cause__ is answer.error
    assert hostile.bodies[0].closed == 1


def test_requests_share_no_state(wrap, serve):
    seen = []

    def app(environ, start_response):
        seen.append([environ.get(key) for key in (CONTEXT, SESSION, G)])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    wrapped = wrap(app)
    serve(wrapped)
    serve(wrapped)
    for first, second in zip(*seen, strict=True):
        assert first is None or first is not second


def test_shared_header_list_stays_as_it_was(wrap, serve):
    headers = [("Content-Type", "text/plain")]

    def app(environ, start_response):
        if SESSION in environ:
            environ[SESSION]["visitor"] = environ["QUERY_STRING"]
        start_response("200 OK", headers)
        return [b"ok"]

    wrapped = wrap(app)
    serve(wrapped, QUERY_STRING="a")
    assert serve(wrapped, QUERY_STRING="b").status == "200 OK"
    assert headers == [("Content-Type", "text/plain")]
