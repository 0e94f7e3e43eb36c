"""When the circuit spares the store, and when it does not."""

import time

import pytest

from wsgikit.errors import SessionLocked, SessionRefused, SessionUnavailable
from wsgikit.sessions import SessionGone
from wsgikit.sessions.circuit import Circuit

ANSWERS = [SessionGone("key"), SessionLocked(), SessionRefused()]


def fail(error):
    raise error from ConnectionError("cause")


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_store_that_answers_is_asked_again_at_once(answer):
    circuit = Circuit()
    for _ in range(2):
        with pytest.raises(type(answer)) as caught:
            circuit.call(fail, answer)
        assert caught.value is answer
    assert circuit.call(lambda: "answer") == "answer"


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_store_that_answers_again_is_asked_by_all(answer, clock, caplog):
    circuit = Circuit(pause=2)
    with pytest.raises(SessionUnavailable):
        circuit.call(fail, SessionUnavailable())
    clock.now += 2
    with pytest.raises(type(answer)):
        circuit.call(fail, answer)
    assert circuit.call(lambda: "answer") == "answer"
    assert "the session store answers again" in caplog.messages


def test_refusal_is_logged_with_its_cause(caplog):
    with pytest.raises(SessionRefused):
        Circuit().call(fail, SessionRefused())
    assert caplog.messages == ["the session store refuses: ConnectionError('cause')"]


def test_request_that_finds_the_store_back_meanwhile_just_asks(clock):
    circuit = Circuit()
    with pytest.raises(SessionUnavailable):
        circuit.call(fail, SessionUnavailable())

    class ClosedMeanwhile:
        """A lock that is waited for while another request has found the store back."""

        def __enter__(self):
            circuit._closed_again_at = None

        def __exit__(self, *exc_info):
            pass

    circuit._lock = ClosedMeanwhile()
    assert circuit.call(lambda: "answer") == "answer"
