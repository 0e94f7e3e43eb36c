"""Checks: how often they run, how long they are waited for, and what is logged of them."""

import logging
import time
from threading import Event

import pytest

from wsgikit.readiness import Check


class Needed:
    """Something that a check asks, and which may fail."""

    def __init__(self):
        self.calls = 0
        self.error = None

    def ask(self):
        self.calls += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def needed():
    return Needed()


def messages(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_result_counts_for_a_while(needed):
    check = Check("database", needed.ask, timeout=20, keep=600)
    assert [check.start()() for _ in range(3)] == [True] * 3
    assert needed.calls == 1


def test_result_counts_no_longer(needed):
    check = Check("database", needed.ask, timeout=20, keep=0)
    assert check.start()()
    needed.error = OSError("it is away")
    assert not check.start()()
    assert needed.calls == 2


def test_changes_alone_are_logged(needed, caplog):
    check = Check("database", needed.ask, timeout=20, keep=0)
    with caplog.at_level(logging.WARNING, "wsgikit.health"):
        check.start()()
        needed.error = OSError("it is away")
        check.start()()
        check.start()()
        needed.error = None
        check.start()()
        check.start()()
    assert messages(caplog) == [
        ("ERROR", "the readiness check 'database' fails: OSError('it is away')"),
        ("WARNING", "the readiness check 'database' passes again"),
    ]


def test_check_that_returns_false_fails(caplog):
    assert not Check("redis", lambda: False, timeout=20, keep=0).start()()
    assert "returned False" in caplog.text


@pytest.mark.parametrize("result", [None, True, 0, "", []])
def test_check_that_returns_anything_else_passes(result):
    assert Check("redis", lambda: result, timeout=20, keep=0).start()()


def test_check_that_exits_fails_and_ends_nothing_else():
    def check():
        raise SystemExit

    assert not Check("odd", check, timeout=20, keep=0).start()()


def test_answer_that_comes_too_late_is_none(caplog):
    free, over = Event(), Event()

    def slow():
        free.wait(20)
        over.set()

    check = Check("database", slow, timeout=0.02, keep=600)
    assert not check.start()()
    free.set()
    assert over.wait(20)
    for _ in range(3):
        assert not check.start()()
    assert "TimeoutError('no answer within 0.02 seconds')" in caplog.text


def test_time_is_counted_from_the_start_of_the_run_and_not_from_each_question(monkeypatch):
    free, ended = Event(), []

    def stuck():
        free.wait(5)
        ended.append(True)

    passes = Check("database", stuck, timeout=600, keep=0).start()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 601)
    assert not passes()
    assert ended == []
    free.set()
