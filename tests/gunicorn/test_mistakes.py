"""A server that has served, and then gets code or a database that would not let it start."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@pytest.fixture
def server(serve: Callable[..., Any]) -> Any:
    return serve("mistaken:application", workers=2)


def start_making(server: Any, name: str) -> None:
    (server.folder / name).touch()


def stop_making(server: Any, name: str) -> None:
    (server.folder / name).unlink()


def ended(server: Any) -> set[int]:
    return {record["pid"] for record in server.records("shutdown")}


@contextmanager
def busy(server: Any) -> Iterator[None]:
    """A client waits for a view that never ends."""
    with server.connect() as connection:
        connection.start("GET", "/busy")
        server.wait_for_record("busy")
        yield


def send(server: Any, number: signal.Signals) -> None:
    server.process.send_signal(number)


def wait_for(server: Any, text: str, count: int = 1) -> None:
    server._wait_for(lambda: server.log.count(text) >= count, f"say {text!r}")


@pytest.mark.parametrize(
    ("mistake", "told", "says"),
    [
        ("broken", "LookupError: the new code is wrong\n", "did not come up"),
        ("away", "LookupError: the database is away\n", "did not come up"),
        ("misconfigured", "NameError: no setting", "Not reloaded"),
    ],
)
def test_reload_of_what_does_not_load_or_start_changes_nothing(
    server: Any, mistake: str, told: str, says: str
) -> None:
    before = server.worker_pids
    start_making(server, mistake)
    send(server, signal.SIGHUP)
    wait_for(server, says, 1 if mistake == "misconfigured" else 2)
    assert told in server.log
    for _ in range(5):
        assert int(server.get("/").body) in before
    assert ended(server).isdisjoint(before)
    stop_making(server, mistake)
    if mistake == "misconfigured":
        send(server, signal.SIGHUP)  # else it is tried again each second
    server._wait_for(lambda: ended(server) >= {*before}, "end its old workers")
    assert int(server.get("/").body) not in before


def test_old_workers_serve_until_the_new_ones_have_come_up(server: Any) -> None:
    before = server.worker_pids
    start_making(server, "slow")
    send(server, signal.SIGHUP)
    server._wait_for(lambda: len(server.records("loaded")) == 4, "load the app anew")
    for _ in range(5):
        assert int(server.get("/").body) in before
    stop_making(server, "slow")
    server._wait_for(lambda: len(server.records("shutdown")) == 2, "end its old workers")
    assert int(server.get("/").body) not in before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stop_does_not_wait_for_what_a_reload_waits_for(
    serve: Callable[..., Any], number: signal.Signals
) -> None:
    server = serve("mistaken:application", environ={"GUNICORN_CMD_ARGS": "--graceful-timeout 3"})
    with busy(server):
        send(server, signal.SIGHUP)
        server._wait_for(lambda: len(server.records("startup")) == 2, "start its new worker")
        send(server, number)
        assert server.process.wait(20) == 0
    assert len(server.records("shutdown")) == 2


def test_worker_that_has_answered_enough_serves_until_another_one_does(
    serve: Callable[..., Any],
) -> None:
    server = serve("mistaken:application", environ={"GUNICORN_CMD_ARGS": "--max-requests 5"})
    (old,) = server.worker_pids
    with busy(server):
        start_making(server, "away")
        for _ in range(5):
            assert int(server.get("/").body) == old
        wait_for(server, "did not come up")
        assert int(server.get("/").body) == old
        stop_making(server, "away")
        server._wait_for(lambda: len(server.records("startup")) == 2, "start another worker")
        server._wait_for(lambda: int(server.get("/").body) != old, "serve by another worker")
        assert old not in ended(server)


def test_worker_that_cannot_start_is_tried_again_until_it_can(server: Any) -> None:
    replaced, other = server.worker_pids
    start_making(server, "away")
    server.kill_worker(replaced)
    wait_for(server, "LookupError: the database is away\n", 2)
    assert int(server.get("/").body) == other
    stop_making(server, "away")
    server._wait_for(lambda: len(server.worker_pids) == 2, "replace the worker")


def test_worker_that_cannot_load_is_tried_again_until_the_server_stops(server: Any) -> None:
    start_making(server, "broken")
    server.kill_worker(server.worker_pids[0])
    wait_for(server, "LookupError: the new code is wrong\n", 2)
    send(server, signal.SIGTERM)
    assert server.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_stop_at_once_waits_for_no_view_and_ends_the_app(
    serve: Callable[..., Any], number: signal.Signals
) -> None:
    server = serve("mistaken:application", environ={"GUNICORN_CMD_ARGS": "--graceful-timeout 600"})
    with busy(server):
        send(server, number)
        assert server.process.wait(20) == 0
    assert_ended_well(server)


def test_stop_that_has_waited_for_a_view_for_long_enough_ends_the_app(
    serve: Callable[..., Any],
) -> None:
    server = serve("mistaken:application", environ={"GUNICORN_CMD_ARGS": "--graceful-timeout 1"})
    with busy(server):
        send(server, signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert_ended_well(server)


def assert_ended_well(server: Any) -> None:
    """The app has been told, what it has logged is written, and what was cut off has its line."""
    assert len(server.records("shutdown")) == 1
    assert (server.folder / "buffered").read_text() == "ended\n"
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    cut = [(line["status"], line["aborted"]) for line in lines if line["rule"] == "/busy"]
    assert cut == [(None, "stop")]
