"""gunicorn's hooks in one process: the signals of its main process, and a real worker's sockets."""

import atexit
import mmap
import os
import signal
import socket
import sys
import time
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import Response
from gunicorn.sock import create_sockets
from gunicorn.workers.gthread import ThreadWorker

from wsgikit import booting, draining, gunicorn
from wsgikit.draining import is_draining
from wsgikit.environ import CLOSE_CONNECTION
from wsgikit.errors import ConfigurationError


@pytest.fixture(autouse=True)
def flag(monkeypatch):
    """This test's own, for no other is to find a server that drains, or has booted."""
    monkeypatch.setattr(draining, "_flag", mmap.mmap(-1, 1))
    come_up = booting.Workers()
    for module in (booting, gunicorn):
        monkeypatch.setattr(module, "come_up", come_up)
    return come_up


@pytest.fixture
def stops():
    """The signals that gunicorn's own handler would get."""
    received = []
    previous = {
        number: signal.signal(number, lambda number, frame: received.append(number))
        for number in (signal.SIGTERM, signal.SIGALRM)
    }
    yield received
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.fixture
def server(stops):
    return SimpleNamespace(
        reexec_pid=0, master_pid=0, reload=None, manage_workers=None, START_CTX={}, cfg=Config()
    )


def follow(server, seconds, monkeypatch):
    monkeypatch.setenv("DRAIN_SECONDS", seconds)
    gunicorn.when_ready(server)


def test_sigterm_drains_first_and_stops_the_server_later(server, stops, monkeypatch):
    follow(server, "0.05", monkeypatch)
    signal.raise_signal(signal.SIGTERM)
    assert (is_draining(), stops) == (True, [])
    while not stops:
        signal.sigtimedwait([], 0.01)
    assert stops == [signal.SIGTERM]


def test_second_sigterm_does_not_cut_the_delay_short(server, stops, monkeypatch):
    follow(server, "600", monkeypatch)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert stops == []
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 500


def test_first_process_of_a_container_has_no_parent_and_drains(server, stops, monkeypatch):
    follow(server, "600", monkeypatch)
    monkeypatch.setattr(os, "getppid", lambda: 0)
    signal.raise_signal(signal.SIGTERM)
    assert (is_draining(), stops) == (True, [])


def test_without_a_delay_the_server_stops_at_once(server, stops, monkeypatch):
    follow(server, "0", monkeypatch)
    signal.raise_signal(signal.SIGTERM)
    assert (is_draining(), stops) == (True, [signal.SIGTERM])


@pytest.mark.parametrize("twin", [0, 1])
def test_workers_that_end_by_themselves_are_not_killed_at_that_moment(
    server, stops, monkeypatch, twin
):
    follow(server, "0", monkeypatch)
    server.cfg.set("graceful_timeout", 30)
    server.reexec_pid = twin
    signal.raise_signal(signal.SIGTERM)
    assert (server.cfg.graceful_timeout, stops) == (32, [signal.SIGTERM])


def test_delay_is_five_seconds_by_default(server, stops, monkeypatch):
    follow(server, "", monkeypatch)
    signal.raise_signal(signal.SIGTERM)
    assert 4 < signal.getitimer(signal.ITIMER_REAL)[0] <= 5


@pytest.mark.parametrize("twin", [{"reexec_pid": 1}, {"master_pid": os.getppid()}])
def test_one_of_two_servers_stops_at_once_and_drains_nothing(server, stops, monkeypatch, twin):
    follow(server, "600", monkeypatch)
    vars(server).update(twin)
    signal.raise_signal(signal.SIGTERM)
    assert (is_draining(), stops) == (False, [signal.SIGTERM])


def test_worker_that_has_no_handlers_of_its_own_yet_drains_nothing(server, stops, monkeypatch):
    follow(server, "600", monkeypatch)
    monkeypatch.setattr(os, "getpid", lambda: 0)  # as in a fork
    signal.raise_signal(signal.SIGTERM)
    assert (is_draining(), stops) == (False, [signal.SIGTERM])
    assert server.cfg.graceful_timeout == Config().graceful_timeout  # it is the main process's


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_delay_that_is_none_is_refused(server, monkeypatch, text):
    with pytest.raises(ConfigurationError, match=f"DRAIN_SECONDS='{text}' is no number"):
        follow(server, text, monkeypatch)


def answer(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


@pytest.fixture
def worker():
    """A gthread worker with a socket of its own, ready to run, which no main process has forked."""
    config = Config()
    config.set("bind", "127.0.0.1:0")
    log = Logger(config)
    worker = ThreadWorker(1, os.getppid(), create_sockets(config, log), None, 15, config, log)
    worker.wsgi = answer
    worker.tpool = worker.get_thread_pool()
    worker.method_queue.init()
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGQUIT)}
    yield worker
    for number, handler in handlers.items():
        signal.signal(number, handler)
    worker.tpool.shutdown()
    worker.method_queue.run_callbacks(None)  # it closes the connections that it has answered
    worker.method_queue.close()
    worker.tmp.close()
    for each in worker.sockets:
        each.close()


def test_worker_that_stops_takes_who_waits_and_closes_its_sockets(worker):
    gunicorn.post_worker_init(worker)
    address = worker.sockets[0].getsockname()
    with socket.create_connection(address, timeout=20) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        worker.alive = False
        worker.set_accept_enabled(False)
        worker.set_accept_enabled(False)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=20)
        assert waiting.recv(99).startswith(b"HTTP/1.1 200 OK")
    assert worker.nr_conns == 1


def test_worker_that_stops_under_a_flood_takes_no_more_than_it_may_have(worker, monkeypatch):
    gunicorn.post_worker_init(worker)
    worker.worker_connections = 3
    address = worker.sockets[0].getsockname()
    flood = [socket.create_connection(address, timeout=20)]

    def accept(listener):
        assert len(flood) < 9
        flood.append(socket.create_connection(address, timeout=20))
        ThreadWorker.accept(worker, listener)

    monkeypatch.setattr(worker, "accept", accept)
    worker.alive = False
    worker.set_accept_enabled(False)
    assert worker.nr_conns == 3
    for each in flood:
        each.close()


def test_worker_that_boots_when_the_server_stops_has_no_work(worker, server, monkeypatch):
    follow(server, "0", monkeypatch)
    gunicorn.post_worker_init(worker)
    assert worker.alive
    signal.raise_signal(signal.SIGTERM)
    gunicorn.post_worker_init(worker)
    assert not worker.alive


def test_worker_that_only_has_enough_connections_keeps_its_sockets(worker):
    gunicorn.post_worker_init(worker)
    worker.set_accept_enabled(False)
    socket.create_connection(worker.sockets[0].getsockname(), timeout=20).close()
    assert worker.nr_conns == 0


def test_worker_quits_only_when_nothing_is_interrupted(worker):
    gunicorn.post_worker_init(worker)
    with worker.tpool._shutdown_lock:  # as while it hands a request to a thread
        signal.raise_signal(signal.SIGQUIT)
        signal.raise_signal(signal.SIGINT)
    assert worker.alive
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # which programs would inherit
    with pytest.raises(SystemExit):
        worker.method_queue.run_callbacks(None)
    assert not worker.alive


class Ended(BaseException):
    """In place of the process."""


@pytest.fixture
def ended(monkeypatch):
    """What a worker does in place of an exit as usual."""

    def end(status):
        steps.append(status)
        raise Ended

    steps = []
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: steps.append("atexit"))
    monkeypatch.setattr(os, "_exit", end)
    return steps


def exit_with(worker, status, server=None):
    """As gunicorn does it."""
    try:
        sys.exit(status)
    finally:
        gunicorn.worker_exit(server, worker)


def test_worker_that_ends_waits_for_no_request_under_way(worker, ended):
    worker.pid, worker.booted, worker.nr_conns = os.getpid(), True, 1
    with pytest.raises(Ended):
        exit_with(worker, 3)
    assert ended == ["atexit", 3]


def test_what_is_cut_is_logged_before_the_app_ends(worker, monkeypatch):
    order = []
    monkeypatch.setattr(gunicorn.exchange, "cut_all", lambda: order.append("cut"))
    monkeypatch.setattr(gunicorn.lifespan, "shutdown", lambda: order.append("shutdown"))
    worker.pid, worker.booted = os.getpid(), True
    gunicorn.worker_exit(None, worker)
    assert order == ["cut", "shutdown"]


def test_worker_without_requests_ends_as_usual(worker, ended):
    worker.pid, worker.booted = os.getpid(), True
    with pytest.raises(SystemExit):
        exit_with(worker, 0)
    assert ended == []


def test_failure_of_on_shutdown_is_logged_and_ends_the_worker_all_the_same(
    worker, ended, monkeypatch
):
    def fail():
        raise ValueError("not closed")

    logged = []
    monkeypatch.setattr(gunicorn.lifespan, "shutdown", fail)
    server = SimpleNamespace(log=SimpleNamespace(exception=logged.append))
    worker.pid, worker.booted, worker.nr_conns = os.getpid(), True, 1
    with pytest.raises(Ended):
        exit_with(worker, 0, server)
    assert logged == ["An on_shutdown function failed"]


def test_main_process_ends_no_app_for_a_worker_that_it_has_missed(worker, monkeypatch):
    monkeypatch.setattr(gunicorn.lifespan, "shutdown", lambda: pytest.fail("ended"))
    worker.pid = 0
    gunicorn.worker_exit(None, worker)


def test_worker_that_comes_up_lets_later_ones_fail(worker):
    server = SimpleNamespace(WORKER_BOOT_ERROR=3, APP_LOAD_ERROR=4, manage_workers="ours")
    gunicorn.post_fork(server, worker)
    assert (server.WORKER_BOOT_ERROR, server.APP_LOAD_ERROR) == (3, 4)
    gunicorn.post_worker_init(worker)
    gunicorn.post_fork(server, worker)
    assert (server.WORKER_BOOT_ERROR, server.APP_LOAD_ERROR) == (1, 1)


def test_without_the_other_hook_workers_end_and_fail_as_ever(worker):
    server = SimpleNamespace(WORKER_BOOT_ERROR=3)
    gunicorn.post_worker_init(worker)
    worker.max_requests = 5
    gunicorn.post_fork(server, worker)
    assert (server.WORKER_BOOT_ERROR, worker.max_requests) == (3, 5)


def test_worker_that_failed_to_boot_is_replaced_after_a_while(worker):
    worker.pid = os.getpid()
    booting.come_up.add(SimpleNamespace(age=1))
    begun = time.monotonic()
    gunicorn.worker_exit(None, worker)
    assert time.monotonic() - begun >= 1


def test_worker_that_failed_to_boot_ends_when_it_is_told_to(worker, monkeypatch):
    worker.pid = os.getpid()
    booting.come_up.add(SimpleNamespace(age=1))
    waits = []
    monkeypatch.setattr(
        time, "sleep", lambda seconds: waits.append(worker.handle_exit(signal.SIGTERM, None))
    )
    gunicorn.worker_exit(None, worker)
    assert len(waits) == 1


@pytest.mark.parametrize("others", [0, 1])
def test_worker_that_failed_to_boot_is_named_where_others_serve(worker, others):
    logged = []
    server = SimpleNamespace(log=SimpleNamespace(error=lambda text, pid: logged.append(pid)))
    worker.pid, worker.age = 7, 5
    for _ in range(others):
        booting.come_up.add(SimpleNamespace(age=1))
    gunicorn.child_exit(server, worker)
    assert logged == [7] * others
    gunicorn.post_worker_init(worker)
    gunicorn.child_exit(server, worker)
    assert len(logged) == others


def test_server_that_cannot_start_ends_at_once(worker, monkeypatch):
    worker.pid = os.getpid()
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
    gunicorn.worker_exit(None, worker)


def test_server_starts_itself_again_as_it_was_started(server, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "wsgikit", "serve", "site"])
    follow(server, "0", monkeypatch)
    assert server.START_CTX["args"] == [sys.executable, "-m", "wsgikit", "serve", "site"]


def test_layers_can_have_gunicorn_close_the_connection(worker):
    response = Response(None, None, worker.cfg)

    def app(environ, start_response):
        environ[CLOSE_CONNECTION]()
        return []

    worker.wsgi = app
    gunicorn.post_worker_init(worker)
    worker.wsgi({}, response.start_response)
    assert response.must_close


def test_worker_of_another_kind_and_a_response_that_cannot_be_closed_are_left_alone():
    seen = []
    worker = SimpleNamespace(age=1, wsgi=lambda environ, start_response: seen.append(environ))
    gunicorn.post_worker_init(worker)
    worker.wsgi({}, lambda status, headers: None)
    assert seen == [{}]


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 4), ("150000 100000", 2), ("900000 100000", 4)]
)
def test_cores_of_a_container(quota, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert gunicorn.usable_cores(tmp_path / "cpu.max") == cores


def test_cores_where_the_system_tells_neither_limit_nor_affinity(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert gunicorn.usable_cores(tmp_path / "no file") == 3
