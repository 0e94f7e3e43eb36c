"""What is tried before gunicorn reloads, with its real main process, which is not run here."""

import os
import signal
import threading

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from wsgikit.reload_check import reload_what_loads


class Application(BaseApplication):
    """Loads what a test says, in a configuration that it says."""

    def __init__(self):
        self.configure = self.load = lambda: None
        super().__init__()

    def load_config(self):
        self.configure()


@pytest.fixture
def server():
    """A main process that counts its reloads."""
    numbers = (*Arbiter.SIGNALS, signal.SIGALRM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    server = Arbiter(Application())
    server.cfg.set("timeout", 20)
    server.reloads = 0
    server.reload = lambda: setattr(server, "reloads", server.reloads + 1)
    reload_what_loads(server)
    yield server
    signal.alarm(0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def fail():
    raise LookupError("new")


def never_end():
    threading.Event().wait()


def start_a_thread_that_never_ends():
    threading.Thread(target=never_end).start()


@pytest.mark.parametrize("load", [lambda: None, start_a_thread_that_never_ends])
def test_what_loads_is_reloaded(server, load):
    server.app.load = load
    server.reload()
    assert server.reloads == 1


@pytest.mark.parametrize("part", ["load", "configure"])
def test_what_does_not_load_is_not_reloaded(server, part, capfd, caplog):
    setattr(server.app, part, fail)
    server.reload()
    assert server.reloads == 0
    assert "new" in capfd.readouterr().err
    assert "Not reloaded" in caplog.text


def test_what_loads_for_longer_than_the_timeout_is_not_reloaded(server):
    server.app.load = never_end
    server.cfg.set("timeout", 1)
    server.reload()
    assert server.reloads == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stop_ends_the_wait_and_is_not_lost(server, number):
    server.app.load = never_end
    for each in (signal.SIGUSR1, number):
        server.SIG_QUEUE.put(each)
    server.reload()
    assert server.reloads == 0
    assert server.wait_for_signals() == [signal.SIGUSR1, number]


# The same in this process, where the code of the other one can be seen.


class Ended(BaseException):
    """In place of that process."""


@pytest.fixture
def status(server, monkeypatch):
    """Reload in what takes itself for the other process; return its exit status."""

    def end(status):
        ended.append(int(status))
        raise Ended

    def status():
        with pytest.raises(Ended):
            server.reload()
        return ended.pop()

    ended = []
    monkeypatch.setattr(os, "fork", lambda: 0)
    monkeypatch.setattr(os, "_exit", end)
    return status


def test_process_says_whether_all_has_loaded(server, status):
    assert status() == 0
    server.app.callable, server.app.load = None, fail
    assert status() == 1
    server.app.configure = fail
    assert status() == 1


def test_process_ends_by_the_signals_that_end_any_other(server, status):
    server.init_signals()
    assert status() == 0
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert 0 < signal.alarm(0) <= 30
