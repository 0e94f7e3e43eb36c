"""What clients and load balancers see of a server that is told to stop, or to reload."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

BRIEF = "1"
"""Seconds to drain."""
ENDLESS = {"DRAIN_SECONDS": "600"}
"""Leaves time for all that a test asks meanwhile."""
CHUNKS = 20


@pytest.fixture
def start(serve: Callable[..., Any]) -> Callable[..., Any]:
    def start(**environ: str) -> Any:
        return serve("draining:application", workers=2, threads=8, environ=environ)

    return start


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any]) -> Any:
    """One that no test stops."""
    return serve("draining:application", workers=2, threads=8)


@pytest.fixture
def draining(start: Callable[..., Any]) -> Iterator[Any]:
    """One that drains as long as the test asks it, once it is told to."""
    server = start(**ENDLESS)
    yield server
    server.process.send_signal(signal.SIGQUIT)
    assert server.process.wait(20) == 0


def send(server: Any, number: signal.Signals) -> None:
    server.process.send_signal(number)


def wait_until(condition: Callable[[], bool], purpose: str) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, f"it did not {purpose}"
        time.sleep(0.02)


def stop_being_ready(server: Any) -> None:
    send(server, signal.SIGTERM)
    wait_until(lambda: server.get("/readyz").status == 503, "become unready")


def is_refused(server: Any) -> bool:
    try:
        with server.connect() as connection:
            connection.connect()
    except ConnectionRefusedError:
        return True
    return False


@contextlib.contextmanager
def streams(server: Any, count: int) -> Iterator[list[Any]]:
    """Responses of which the first line has come."""
    with contextlib.ExitStack() as stack:
        responses = []
        for _ in range(count):
            connection = stack.enter_context(server.connect())
            connection.start("GET", f"/stream?chunks={CHUNKS}")
            response = connection.getresponse()
            assert response.readline() == b"0 /stream\n"
            responses.append(response)
        yield responses


REST = b"".join(b"%d /stream\n" % number for number in range(1, CHUNKS))


def test_not_ready_but_alive_and_serving_in_both_workers_from_sigterm_on(draining: Any) -> None:
    assert json.loads(draining.get("/readyz").body) == {"status": "ready"}
    stop_being_ready(draining)
    answered = set()
    while len(answered) < 2:
        answered.add(draining.get("/worker").body)
        answer = draining.get("/readyz")
        assert (answer.status, json.loads(answer.body)) == (503, {"status": "draining"})
        assert draining.get("/livez").status == 200


def test_connections_are_kept_until_the_server_drains(draining: Any) -> None:
    with draining.connect() as kept, draining.connect() as waiting:
        assert kept.ask("GET", "/").headers["Connection"] == "keep-alive"
        assert waiting.ask("GET", "/").headers["Connection"] == "keep-alive"
        waiting.start("GET", "/slow?seconds=0.5")  # its answer starts after the signal
        draining.wait_for_record("slow")
        stop_being_ready(draining)
        assert waiting.getresponse().headers["Connection"] == "close"
        assert kept.ask("GET", "/").headers["Connection"] == "close"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_other_signals_stop_a_draining_server_at_once(
    start: Callable[..., Any], number: signal.Signals
) -> None:
    server = start(**ENDLESS)
    stop_being_ready(server)
    send(server, number)
    assert server.process.wait(20) == 0


def test_streams_run_out_after_the_delay_while_new_clients_are_refused(
    start: Callable[..., Any],
) -> None:
    server = start(DRAIN_SECONDS=BRIEF, GUNICORN_CMD_ARGS="--preload")
    with streams(server, 4) as responses:
        stopped_at = time.monotonic()
        stop_being_ready(server)
        send(server, signal.SIGTERM)  # changes nothing
        wait_until(lambda: is_refused(server), "close its sockets")
        assert time.monotonic() - stopped_at >= float(BRIEF)
        assert server.records("streamed") == []
        assert [response.read() for response in responses] == [REST] * 4
    assert server.process.wait(20) == 0


def test_every_client_is_answered_or_refused_when_the_server_stops(
    start: Callable[..., Any],
) -> None:
    server = start(DRAIN_SECONDS="0")
    with ThreadPoolExecutor(6) as pool:
        answered = [pool.submit(ask_until_refused, server) for _ in range(6)]
        wait_until(lambda: len(server.records("index")) > 100, "answer")
        send(server, signal.SIGTERM)
        assert min(each.result() for each in answered) > 0
    assert server.process.wait(20) == 0


def ask_until_refused(server: Any) -> int:
    """Ask on one new connection after the other; any failure but a refusal is raised."""
    count = 0
    while True:
        with server.connect() as connection:
            try:
                connection.connect()
            except ConnectionRefusedError:
                return count
            assert connection.ask("GET", "/").body == b"served"
        count += 1


def test_probes_may_come_with_any_host(server: Any) -> None:
    for host in ("10.42.0.17:8000", "[fd00::17]", "whatever"):
        assert server.get("/livez", Host=host).status == 200
        assert server.get("/readyz", Host=host).status == 200


def test_deadline_counts_from_when_the_proxy_had_the_request(server: Any) -> None:
    start = f"t={time.time() - 10:.3f}"
    left = json.loads(server.get("/remaining", X_Request_Start=start).body)["remaining"]
    assert 15 < left <= 20.01
    late = server.get("/remaining", X_Request_Start=f"t={time.time() - 31:.3f}")
    assert (late.status, late.headers["Retry-After"]) == (503, "30")


def test_worker_that_is_stopped_alone_drains_nothing(server: Any) -> None:
    before = server.worker_pids
    os.kill(before[0], signal.SIGTERM)
    wait_until(lambda: len(server.worker_pids) > len(before), "replace the worker")
    for _ in range(8):
        assert server.get("/readyz").status == 200


def test_stream_survives_a_reload_and_nothing_is_lost_or_unready_meanwhile(server: Any) -> None:
    before, over = len(server.worker_pids), Event()
    with ThreadPoolExecutor(4) as pool, streams(server, 2) as responses:
        asked = [pool.submit(ask_until, over, server, path) for path in ("/", "/", "/readyz")]
        try:
            send(server, signal.SIGHUP)
            wait_until(lambda: len(server.worker_pids) == before + 2, "start new workers")
            assert [response.read() for response in responses] == [REST] * 2
        finally:
            over.set()
    for each in asked:
        statuses = each.result()
        assert {*statuses} == {200}
        assert len(statuses) > 20


def ask_until(over: Event, server: Any, path: str) -> list[int]:
    """Ask on one new connection after the other; any failure is raised."""
    statuses = []
    while not over.is_set():
        statuses.append(server.get(path).status)
        time.sleep(0.01)
    return statuses


def test_one_of_two_servers_at_one_address_drains_nothing(start: Callable[..., Any]) -> None:
    server = start(**ENDLESS)
    send(server, signal.SIGUSR2)
    wait_until(lambda: len(server.worker_pids) == 4, "start the other server's workers")
    (other,) = {parent(pid) for pid in server.worker_pids} - {server.process.pid}
    try:
        send(server, signal.SIGTERM)
        while server.process.poll() is None:
            assert server.get("/readyz").status == 200
        os.kill(other, signal.SIGTERM)
        wait_until(lambda: server.get("/readyz").status == 503, "become unready")
    finally:
        os.kill(other, signal.SIGQUIT)
    wait_until(lambda: is_refused(server), "close its sockets")


def parent(pid: int) -> int:
    """proc(5)"""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_worker_that_was_forked_just_before_the_stop_ends_too(start: Callable[..., Any]) -> None:
    server = start(GUNICORN_CMD_ARGS="--graceful-timeout 600")
    killed, other = server.worker_pids
    hold, forked = server.folder / "hold", server.folder / "forked"
    forked.unlink()
    hold.touch()
    os.kill(killed, signal.SIGKILL)
    wait_until(forked.exists, "fork another worker")
    send(server, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{other}").exists(), "end the worker that it has")
    hold.unlink()
    assert server.process.wait(20) == 0
