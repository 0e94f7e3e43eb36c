"""A deadline without a layer."""

import math
import time

import pytest
from werkzeug.test import create_environ

from wsgikit import App, copy_current_request_context, deadline
from wsgikit.deadline import Deadline
from wsgikit.environ import DEADLINE
from wsgikit.errors import DeadlineExceeded


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: ``clock[0] += 1``."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_time_runs_out(clock):
    limit = Deadline(30, waited=10)
    assert (limit.remaining(), limit.waited) == (20, 10)
    clock[0] += 19.5
    assert limit.remaining() == 0.5
    assert limit.check() is None
    clock[0] += 0.5
    assert limit.remaining() == 0
    clock[0] += 5
    assert limit.remaining() == 0


def test_check_raises_what_tells_the_client_when_to_come_back(clock):
    with pytest.raises(DeadlineExceeded) as raised:
        Deadline(2.5, waited=2.5).check()
    assert raised.value.code == 503
    assert ("Retry-After", "3") in raised.value.get_headers()


def test_there_is_no_end_of_time_outside_a_request():
    assert deadline.remaining() == math.inf
    assert deadline.check() is None


def test_there_is_no_end_of_time_in_a_request_without_the_layer():
    with App("app").request_context(create_environ()):
        assert deadline.remaining() == math.inf
        assert deadline.check() is None


def test_request_and_its_copies_have_its_time(clock):
    limit = Deadline(30)
    with App("app").request_context({**create_environ(), DEADLINE: limit}):
        in_copy = copy_current_request_context(deadline.remaining)
        assert deadline.remaining() == 30
        assert in_copy() == 30
        clock[0] += 30
        with pytest.raises(DeadlineExceeded):
            deadline.check()
