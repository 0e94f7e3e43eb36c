"""Clients that leave in the middle of what they send."""

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

FORM = "Content-Type: application/x-www-form-urlencoded"
FILES = "Content-Type: multipart/form-data; boundary=b"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close() sends RST, as the system of a client does that has crashed."""


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any], worker_class: str) -> Any:
    return serve("uploads:application", worker_class=worker_class)


def send(server: Any, path: str, request_id: str, rest: str, *, reset: bool) -> None:
    """Send the start of a request and close the connection."""
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nX-Request-Id: {request_id}\r\n"
    before = len(server.records("reading"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(f"{head}{rest}".encode())
        server._wait_for(lambda: len(server.records("reading")) > before, "read the body")
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/data", "Content-Length: 50\r\n\r\nabc"),
        ("/form", f"{FORM}\r\nContent-Length: 50\r\n\r\na=1"),
        ("/form", f"{FILES}\r\nContent-Length: 50\r\n\r\n--b\r\n"),
        ("/data", "Transfer-Encoding: chunked\r\n\r\n32\r\nabc"),
    ],
    ids=["data", "form", "files", "chunked"],
)
def test_view_gets_no_part_of_what_the_client_leaves_behind(
    server: Any, path: str, rest: str, reset: bool, request: pytest.FixtureRequest
) -> None:
    request_id = request.node.name
    send(server, path, request_id, rest, reset=reset)
    ended = server.wait_for_record("teardown", id=request_id)
    assert ended["outcome"] == "wsgikit.errors.ClientDisconnected"
    assert server.records("read") == []
    assert "Traceback" not in server.log


@pytest.mark.parametrize("rest", ["ZZ\r\nab", "2\r\nabcd"], ids=["size", "end"])
def test_malformed_chunks_are_a_400(server: Any, rest: str) -> None:
    head = "POST /data HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{rest}\r\n0\r\n\r\n".encode())
        with client.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 400 BAD REQUEST\r\n"
    assert "Traceback" not in server.log


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_access_log_says_that_the_client_left(
    serve: Callable[..., Any], worker_class: str, reset: bool
) -> None:
    server = serve("uploads:application", worker_class=worker_class)
    send(server, "/data", "left", "Content-Length: 50\r\n\r\nabc", reset=reset)
    server.wait_for_record("teardown", id="left")
    log = server.folder / "access"
    server._wait_for(lambda: log.read_text().endswith("\n"), "log the request")
    line = json.loads(log.read_text())
    assert (line["status"], line["aborted"]) == (None, "client")
