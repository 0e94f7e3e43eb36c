"""Which workers gunicorn's main process is let end, and what it does at a reload."""

import mmap
import os
import signal
from types import SimpleNamespace

import pytest

from wsgikit import booting
from wsgikit.booting import has_booted, has_come_up, say_booted
from wsgikit.replacement import replace_well


@pytest.fixture(autouse=True)
def ages(monkeypatch):
    """This test's own: no other is to find that a worker of this age has come up."""
    monkeypatch.setattr(booting, "_ages", mmap.mmap(-1, len(booting._ages)))


@pytest.fixture
def server():
    """A main process whose pids are the workers' ages; ``killed`` has those that were told."""
    killed = []
    return SimpleNamespace(
        pid=os.getpid(),
        WORKERS={},
        LISTENERS=["a socket"],
        num_workers=2,
        killed=killed,
        kill_worker=lambda pid, number: killed.append(pid),
        reload=None,
        app=SimpleNamespace(cfg="of before"),
        cfg="of before",
        log=SimpleNamespace(exception=lambda message: killed.append(message)),
    )


def add(server, *ages, up):
    for age in ages:
        server.WORKERS[age] = SimpleNamespace(age=age)
        if up:
            say_booted(server.WORKERS[age])


def manage(server):
    """As gunicorn does: tell the oldest ones that are too many."""
    server.killed.clear()
    for age in sorted(server.WORKERS)[: -server.num_workers]:
        server.kill_worker(age, signal.SIGTERM)
    return server.killed


def test_worker_has_come_up_when_it_says_so():
    worker, other = SimpleNamespace(age=1), SimpleNamespace(age=1 + booting._SLOTS)
    assert not has_booted()
    assert not has_come_up(worker)
    say_booted(worker)
    assert has_booted()
    assert has_come_up(worker)
    assert not has_come_up(other)


def test_old_worker_ends_for_each_new_one_that_has_come_up(server):
    replace_well(server)
    add(server, 1, 2, up=True)
    add(server, 3, 4, up=False)
    assert manage(server) == []
    say_booted(server.WORKERS[4])
    assert manage(server) == [1]
    say_booted(server.WORKERS[3])
    assert manage(server) == [1, 2]


def test_new_worker_that_is_gone_lets_the_old_one_stay(server):
    replace_well(server)
    add(server, 1, 2, up=True)
    add(server, 3, up=False)
    assert manage(server) == []
    del server.WORKERS[3]
    assert manage(server) == []


def test_worker_that_was_told_to_end_is_not_counted_upon(server):
    replace_well(server)
    add(server, 1, 2, 3, 4, up=True)
    assert manage(server) == [1, 2]
    add(server, 5, 6, up=False)
    assert manage(server) == [1, 2]  # which answer what they have begun; 3 and 4 serve


def test_new_worker_that_a_newer_one_replaces_need_not_come_up(server):
    replace_well(server)
    add(server, 1, 2, up=True)
    add(server, 3, 4, 5, 6, up=False)
    assert manage(server) == [3, 4]


def test_one_worker_less_is_ended_at_once(server):
    replace_well(server)
    add(server, 1, 2, up=True)
    server.num_workers = 1
    assert manage(server) == [1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL])
def test_stop_ends_all(server, number):
    replace_well(server)
    add(server, 1, 2, up=True)
    add(server, 3, 4, up=False)
    server.LISTENERS = []
    for age in server.WORKERS:
        server.kill_worker(age, number)
    assert server.killed == [1, 2, 3, 4]


def test_worker_that_hangs_is_killed(server):
    replace_well(server)
    add(server, 1, 2, up=True)
    add(server, 3, up=False)
    server.kill_worker(1, signal.SIGABRT)
    assert server.killed == [1]


def test_reload_does_not_wait_for_the_old_workers(server):
    def reload():
        server.killed.append("spawned")
        server.reap_workers()
        pytest.fail("waited")

    server.reload = reload
    replace_well(server)
    server.reload()
    assert server.killed == ["spawned"]
    assert not hasattr(server, "reap_workers")  # but for that of its class


def test_reload_without_old_workers_ends_by_itself(server):
    server.reload = lambda: server.killed.append("spawned")
    replace_well(server)
    server.reload()
    assert server.killed == ["spawned"]


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no such address")])
def test_reload_that_fails_goes_on_with_the_configuration_of_before(server, error):
    def reload():
        server.app.cfg = "half of the new one"
        raise error

    server.reload = reload
    replace_well(server)
    server.reload()
    assert server.app.cfg == "of before"
    assert server.killed == ["Not reloaded: the workers go on with what they have"]


def test_worker_that_is_forked_at_a_reload_ends_as_any_other(server):
    server.pid = 0  # this is not the main process

    def reload():
        raise SystemExit(3)

    server.reload = reload
    replace_well(server)
    with pytest.raises(SystemExit):
        server.reload()
    assert server.killed == []
