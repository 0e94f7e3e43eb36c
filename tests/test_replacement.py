"""Which workers gunicorn's main process is let end, and what it does at a reload."""

import signal
import sys
from types import SimpleNamespace

import pytest

from wsgikit import booting, replacement
from wsgikit.booting import Workers
from wsgikit.replacement import ask_for_successor, replace_well, replaces_well


@pytest.fixture(autouse=True)
def come_up(monkeypatch):
    """This test's own: no other is to find that a worker of this age has come up, or leaves."""
    own = Workers()
    for module in (booting, replacement):
        monkeypatch.setattr(module, "come_up", own)
    monkeypatch.setattr(replacement, "_leaving", Workers())
    return own


class MainProcess:
    """What gunicorn's does with its workers, whose pids are their ages here."""

    def __init__(self, come_up):
        self.WORKERS = {}
        self.num_workers = 2
        self.told = []
        self.logged = []
        self.cfg = SimpleNamespace(address="here")
        self.app = SimpleNamespace(cfg=self.cfg, reload=lambda: None)
        self.log = SimpleNamespace(exception=self.logged.append)
        self._come_up = come_up
        self._last_age = 0
        replace_well(self)

    def kill_worker(self, pid, number):
        assert number == signal.SIGTERM
        self.told.append(pid)

    def spawn(self):
        worker = SimpleNamespace(max_requests=sys.maxsize, notify=lambda: None, nr=0)
        self._last_age += 1
        worker.age = worker.pid = self._last_age
        self.WORKERS[worker.pid] = worker

    def bring_up(self, *pids):
        for pid in pids:
            self._come_up.add(self.WORKERS[pid])

    def manage_workers(self):
        while len(self.WORKERS) < self.num_workers:
            self.spawn()
        for pid in sorted(self.WORKERS)[: -self.num_workers]:
            self.kill_worker(pid, signal.SIGTERM)

    def reload(self):
        for _ in range(self.num_workers):
            self.spawn()
        self.manage_workers()
        self.reap_workers()
        pytest.fail("waited for the old workers")

    def reap_workers(self):
        pytest.fail("waited for the old workers")

    def manage(self):
        """Return whom it has told to end."""
        self.told.clear()
        self.manage_workers()
        return self.told


@pytest.fixture
def server(come_up):
    """One whose two workers serve."""
    server = MainProcess(come_up)
    server.manage_workers()
    server.bring_up(1, 2)
    return server


def test_worker_has_come_up_when_it_says_so(come_up):
    worker, other = SimpleNamespace(age=1), SimpleNamespace(age=1 + booting._SLOTS)
    assert not come_up
    assert worker not in come_up
    come_up.add(worker)
    assert come_up
    assert worker in come_up
    assert other not in come_up


def test_server_says_whether_it_replaces_well(server):
    assert replaces_well(server)
    assert not replaces_well(SimpleNamespace())


def test_old_worker_ends_for_each_new_one_that_has_come_up(server):
    server.reload()
    assert sorted(server.WORKERS) == [1, 2, 3, 4]
    assert server.manage() == []
    server.bring_up(4)
    assert server.manage() == [1]
    server.bring_up(3)
    assert server.manage() == [1, 2]


def test_new_worker_that_fails_is_tried_again_and_the_old_ones_go_on(server):
    server.reload()
    server.bring_up(4)
    del server.WORKERS[3]
    assert server.manage() == [1]
    assert sorted(server.WORKERS) == [1, 2, 4, 5]
    server.bring_up(5)
    assert server.manage() == [1, 2]


def test_worker_that_was_told_to_end_is_not_counted_upon(server):
    server.reload()
    server.bring_up(3, 4)
    assert server.manage() == [1, 2]
    del server.WORKERS[4]  # killed, while 1 and 2 still stream
    assert server.manage() == [1, 2]
    assert sorted(server.WORKERS) == [1, 2, 3, 5]
    server.reload()
    assert server.manage() == [1, 2, 5]  # which has not come up; 3 serves on


def test_reload_while_another_one_is_under_way_begins_anew(server):
    server.reload()
    server.reload()
    assert sorted(server.WORKERS) == [1, 2, 3, 4, 5, 6]
    assert server.manage() == [3, 4]


def test_one_worker_less_is_ended_at_once(server):
    server.num_workers = 1
    assert server.manage() == [1]


def test_reload_that_adds_workers_needs_all_old_ones_until_they_are_there(server):
    server.num_workers = 3
    server.reload()
    server.bring_up(3)
    assert server.manage() == []
    server.bring_up(4)
    assert server.manage() == [1]


def test_workers_are_counted_as_gunicorn_counts_them_when_none_is_to_leave(server):
    assert server.manage() == []
    del server.WORKERS[1]
    assert server.manage() == []
    assert sorted(server.WORKERS) == [2, 3]


def test_worker_that_is_forked_ends_as_any_other(server):
    def spawn():
        raise SystemExit(3)

    server.spawn = spawn
    with pytest.raises(SystemExit):
        server.reload()
    assert server.logged == []
    assert "reap_workers" not in vars(server)


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no such setting")])
def test_settings_that_do_not_load_change_nothing(server, error):
    def reload():
        server.app.cfg = "half of the new ones"
        raise error

    server.app.reload = reload
    server.reload()
    assert server.app.cfg is server.cfg
    assert server.logged == ["Not reloaded: the workers go on with what they have"]
    assert server.manage() == []
    assert sorted(server.WORKERS) == [1, 2]


def test_new_address_is_not_bound_to(server):
    """The sockets would be closed before that of the new one can be had."""
    new = SimpleNamespace(address="there")
    server.app.reload = lambda: setattr(server.app, "cfg", new)
    server.reload()
    assert server.app.cfg is server.cfg
    assert sorted(server.WORKERS) == [1, 2]


def test_worker_that_has_answered_enough_serves_until_it_is_replaced(server):
    beats = []
    worker = server.WORKERS[1]
    worker.max_requests, worker.notify = 5, lambda: beats.append(1)
    ask_for_successor(worker)
    worker.nr = 4
    worker.notify()
    assert server.manage() == []
    assert len(server.WORKERS) == 2
    worker.nr = 5
    assert worker.nr < worker.max_requests
    worker.notify()
    assert server.manage() == []
    assert sorted(server.WORKERS) == [1, 2, 3]
    server.bring_up(3)
    assert server.manage() == [1]
    assert len(beats) == 2


def test_worker_without_a_limit_asks_for_nobody(server):
    worker = server.WORKERS[1]
    notify = worker.notify
    ask_for_successor(worker)
    assert worker.notify is notify
