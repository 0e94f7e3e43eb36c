"""How gunicorn frames what the chain gives it, and what it does with errors at each stage."""

import http.client
from collections.abc import Callable
from typing import Any

import pytest

BODYLESS = [
    ("HEAD", "/text", 200),
    ("HEAD", "/streamed", 200),
    ("HEAD", "/file", 200),
    ("HEAD", "/409", 409),
    ("HEAD", "/nowhere", 404),
    ("GET", "/204", 204),
    ("GET", "/204-text", 204),
    ("GET", "/204-streamed", 204),
    ("GET", "/304", 304),
    ("HEAD", "/304", 304),
]


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any], worker_class: str) -> Any:
    return serve("responses:application", worker_class=worker_class)


@pytest.fixture
def fresh_server(serve: Callable[..., Any], worker_class: str) -> Any:
    """A server whose log is of one test alone, with one thread to find leftovers in."""
    return serve("responses:application", worker_class=worker_class, threads=1)


@pytest.mark.parametrize("path", ["/text", "/one-item-of-known-length", "/file"])
def test_body_of_known_length_has_a_content_length_and_keeps_the_connection(
    server: Any, path: str
) -> None:
    with server.connect() as connection:
        first = connection.ask("GET", path)
        port = connection.local_port
        second = connection.ask("GET", path)
        assert connection.local_port == port
    for answer in (first, second):
        assert answer.headers.get_all("Content-Length") == [str(len(answer.body))]
        assert "Transfer-Encoding" not in answer.headers


@pytest.mark.parametrize(("path", "body"), [("/streamed", b"one two"), ("/one-item", b"one item")])
def test_body_of_unknown_length_is_chunked_and_keeps_the_connection(
    server: Any, path: str, body: bytes
) -> None:
    with server.connect() as connection:
        first = connection.ask("GET", path)
        port = connection.local_port
        second = connection.ask("GET", path)
        assert connection.local_port == port
    for answer in (first, second):
        assert answer.body == body
        assert answer.headers["Transfer-Encoding"] == "chunked"


def test_answers_without_a_body_keep_the_connection_and_draw_no_warning(
    fresh_server: Any,
) -> None:
    with fresh_server.connect() as connection:
        connection.ask("GET", "/text")
        port = connection.local_port
        for method, path, status in BODYLESS:
            answer = connection.ask(method, path)
            assert (path, answer.status, answer.body) == (path, status, b"")
            assert connection.local_port == port
    fresh_server.stop()
    assert fresh_server.log_above_info() == []


def test_answer_to_head_has_the_length_that_get_has(server: Any) -> None:
    with server.connect() as connection:
        for path in ("/text", "/file"):
            get, head = connection.ask("GET", path), connection.ask("HEAD", path)
            assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_file_that_the_client_has_is_answered_304_without_a_warning(fresh_server: Any) -> None:
    answer = fresh_server.get("/file", If_None_Match='"tag"')
    assert (answer.status, answer.body) == (304, b"")
    fresh_server.stop()
    assert fresh_server.log_above_info() == []


def test_warning_check_notices_an_app_that_sends_a_body_with_204(fresh_server: Any) -> None:
    assert fresh_server.get("/wrong-204").body == b""
    fresh_server.stop()
    assert "dropping per RFC 9110" in "\n".join(fresh_server.log_above_info())


@pytest.mark.parametrize(
    ("path", "error"),
    [("/broken", "broken before the start"), ("/broken-first-chunk", "broken at the first chunk")],
)
def test_error_before_the_first_chunk_is_a_page_and_is_logged_once(
    fresh_server: Any, path: str, error: str
) -> None:
    with fresh_server.connect() as connection:
        answer = connection.ask("GET", path, X_Request_Id="broken")
        port = connection.local_port
        assert answer.status == 500
        assert b"Internal Server Error" in answer.body
        assert connection.ask("GET", "/text").body == b"text"
        assert connection.local_port == port
    fresh_server.stop()
    assert fresh_server.log.count(f"LookupError: {error}") == 1
    assert fresh_server.log.count("Traceback") == 1
    assert fresh_server.records("teardown", id="broken")[0]["outcome"] == "builtins.LookupError"


@pytest.mark.parametrize(
    ("path", "error"),
    [("/broken-stream", "broken in the stream"), ("/late-failure", "broken in the app")],
)
def test_error_after_the_first_chunk_cuts_the_connection_and_is_logged_once(
    fresh_server: Any, path: str, error: str
) -> None:
    with fresh_server.connect() as connection:
        connection.start("GET", path, X_Request_Id="broken")
        response = connection.getresponse()
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead) as incomplete:
            response.read()
    assert incomplete.value.partial == b"one chunk"
    assert fresh_server.get("/text", X_Request_Id="next").body == b"text"
    fresh_server.stop()
    assert fresh_server.log.count(f"LookupError: {error}") == 1
    outcomes = {each["id"]: each["outcome"] for each in fresh_server.records("teardown")}
    assert outcomes == {"broken": "builtins.LookupError", "next": None}
    assert len(fresh_server.records("teardown")) == 2
    assert fresh_server.records("context left") == []


def test_error_in_a_teardown_is_logged_and_leaves_no_context(fresh_server: Any) -> None:
    answer = fresh_server.get("/broken-teardown", X_Request_Id="broken")
    assert answer.body == b"fine"
    assert fresh_server.get("/text", X_Request_Id="next").body == b"text"
    fresh_server.stop()
    assert fresh_server.log.count("LookupError: broken in the teardown") == 1
    assert [each["id"] for each in fresh_server.records("teardown")] == ["broken", "next"]
    assert fresh_server.records("context left") == []
