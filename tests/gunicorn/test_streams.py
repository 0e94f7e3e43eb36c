"""Bodies that are longer than the memory allows, and clients that do not wait for their end."""

import time
from collections.abc import Callable
from typing import Any

import pytest

CHUNK = 64 * 1024
MIB = 1 << 20
GIB = 1 << 30


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any], worker_class: str) -> Any:
    return serve("streams:application", worker_class=worker_class)


def receive(server: Any, path: str, size: int, request_id: str) -> tuple[int, bytes]:
    """Read a body to its end; return its length and what follows after ``size`` bytes."""
    length, tail = 0, b""
    with server.connect() as connection:
        connection.start("GET", f"{path}?chunks={size // CHUNK}", X_Request_Id=request_id)
        response = connection.getresponse()
        while data := response.read(MIB):
            length += len(data)
            if length > size:
                tail += data[max(0, len(data) - (length - size)) :]
    return length, tail


def growth(server: Any, path: str, size: int) -> tuple[int, bytes]:
    """How much the worker's peak memory grows by a body of ``size``, after a warm-up."""
    receive(server, path, 8 * CHUNK, "warm-up")
    before = server.peak_memory()
    length, tail = receive(server, path, size, "measured")
    assert length == size + len(tail)
    return server.peak_memory() - before, tail


def test_generator_body_of_one_gib_keeps_memory_flat_and_its_names_to_the_last_chunk(
    server: Any,
) -> None:
    grown, tail = growth(server, "/generated", GIB)
    assert tail == b"/generated measured measured measured"
    assert grown < 8 * MIB
    assert server.wait_for_record("teardown", id="measured")["outcome"] is None


def test_memory_check_notices_a_body_that_keeps_its_chunks(serve: Callable[..., Any]) -> None:
    grown, _ = growth(serve("streams:application"), "/kept", 64 * MIB)
    assert grown > 48 * MIB


def leave(server: Any, path: str, request_id: str) -> float:
    """Read the first of a body and close the connection; return the time just before."""
    with server.connect() as connection:
        connection.start("GET", path, X_Request_Id=request_id)
        response = connection.getresponse()
        assert response.status == 200
        assert response.read(5)
        left = time.monotonic()
        response.close()
    return left


@pytest.mark.parametrize("path", ["/endless", "/slow", "/one-piece", "/file"])
def test_client_that_leaves_tells_the_teardown_within_a_second(server: Any, path: str) -> None:
    request_id = f"left {path}"
    left = leave(server, path, request_id)
    ended = server.wait_for_record("teardown", id=request_id)
    assert ended["outcome"] == "wsgikit.errors.ClientDisconnected"
    assert ended["time"] - left < 1


@pytest.mark.parametrize("path", ["/endless", "/slow", "/one-piece", "/file"])
def test_client_that_leaves_makes_a_provider_roll_back(server: Any, path: str) -> None:
    request_id = f"rolled back {path}"
    leave(server, path, request_id)
    outcome = server.wait_for_record("rollback", id=request_id)["outcome"]
    assert outcome == "wsgikit.errors.ClientDisconnected"


def test_client_that_stays_lets_a_provider_commit(server: Any) -> None:
    assert server.get("/short", X_Request_Id="stayed").body == b"short"
    assert server.wait_for_record("commit", id="stayed")
    assert server.wait_for_record("teardown", id="stayed")["outcome"] is None


def test_clients_that_leave_end_their_requests_once(
    serve: Callable[..., Any], worker_class: str
) -> None:
    server = serve("streams:application", worker_class=worker_class)
    names = [f"left {path}" for path in ("/endless", "/slow", "/one-piece", "/file")]
    for name in names:
        leave(server, name.removeprefix("left "), name)
        server.wait_for_record("teardown", id=name)
    assert server.get("/short", X_Request_Id="last").status == 200
    server.stop()
    assert [record["id"] for record in server.records("teardown")] == [*names, "last"]
    assert [record["id"] for record in server.records("rollback")] == names
    assert "Traceback" not in server.log
