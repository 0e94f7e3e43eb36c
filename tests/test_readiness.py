"""Checks: how often they run, how long they are waited for, and what is logged of them."""

import logging
import math
import time
from threading import TIMEOUT_MAX, Event, current_thread

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.readiness import Check, check_times


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


class Hanging:
    """Something that hangs when it is asked, until the test lets go of that run."""

    def __init__(self):
        self.hangs = True
        self.runs = []

    def ask(self):
        if self.hangs:
            free = Event()
            self.runs.append((free, current_thread()))
            free.wait(20)

    def let_go(self, *runs):
        for free, thread in runs:
            free.set()
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def hanging():
    hanging = Hanging()
    yield hanging
    hanging.let_go(*hanging.runs)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: ``clock[0] += 1``."""
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_run_that_hangs_keeps_no_later_one_from_passing(hanging, clock):
    check = Check("redis", hanging.ask, timeout=10, keep=5)
    passes = check.start()
    clock[0] += 10
    assert not passes()
    hanging.hangs = False
    assert not check.start()()  # that one's failure counts for a while, as any other's does
    clock[0] += 5
    assert check.start()()
    assert check.start()()


def test_runs_that_hang_are_few_and_ever_further_apart(hanging, clock):
    check = Check("redis", hanging.ask, timeout=10, keep=5)
    begun = []
    for second in range(2000):
        before = len(hanging.runs)
        check.start()
        if len(hanging.runs) > before:
            begun.append(second)
        clock[0] += 1
    assert begun == [0, 15, 100, 745]
    assert not check.start()()


def test_another_may_begin_when_one_that_hung_has_ended(hanging, clock):
    check = Check("redis", hanging.ask, timeout=10, keep=5)
    for _ in range(4):
        check.start()
        clock[0] += 1000
    hanging.hangs = False
    assert not check.start()()
    hanging.let_go(hanging.runs[0])
    assert check.start()()


@pytest.mark.parametrize("text", ["postgresql://", None])
def test_what_is_no_function_is_refused(text):
    with pytest.raises(ConfigurationError, match="'database' is no function"):
        Check("database", text, timeout=1, keep=1)


@pytest.mark.parametrize(("timeout", "keep"), [(1, 0), (0.5, 0.5), (TIMEOUT_MAX, TIMEOUT_MAX)])
def test_seconds_that_can_be_waited_are_taken(timeout, keep):
    assert check_times(timeout, keep) is None


@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan, 1e10, "2", None])
def test_timeout_that_cannot_be_waited_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="a check needs time"):
        check_times(timeout, 1)


@pytest.mark.parametrize("keep", [-1, math.inf, math.nan, 1e10, "1", None])
def test_time_that_no_result_can_count_is_refused(keep):
    with pytest.raises(ConfigurationError, match="a check needs time"):
        check_times(2, keep)
