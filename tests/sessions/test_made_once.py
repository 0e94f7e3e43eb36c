"""What threads share that need the same thing at the same time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier, Event

import pytest
from real_servers import silent_port, wait_until

from wsgikit.errors import SessionUnavailable
from wsgikit.sessions import made_once, make_store
from wsgikit.sessions.made_once import MadeOnce

THREADS = 8


class Slow:
    """Is made when the test lets it, and counts how often."""

    def __init__(self):
        self.times = 0
        self.gate = Event()
        self.error = None

    def __call__(self):
        self.times += 1
        self.gate.wait(30)
        if self.error is not None:
            raise self.error
        return object()


@pytest.fixture
def slow():
    return Slow()


def ask_together(once, slow):
    """Let many threads ask while it is being made; return their outcomes."""
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(once.get) for _ in range(THREADS)]
        wait_until(lambda: slow.times == 1 and all(each.running() for each in asked), "all ask")
        waiting = once._outcome
        wait_until(lambda: len(waiting._condition._waiters) == THREADS - 1, "all others wait")
        slow.gate.set()
    return [each.exception() or each.result() for each in asked]


def test_it_is_made_once_for_all_who_ask(slow):
    once = MadeOnce(slow)
    outcomes = ask_together(once, slow)
    assert set(outcomes) == {once.get()}
    assert slow.times == 1


def test_failure_is_the_one_of_all_who_wait_and_the_next_tries_again(slow):
    once, slow.error = MadeOnce(slow), ConnectionError("away")
    assert set(ask_together(once, slow)) == {slow.error}
    assert (slow.times, once.is_made) == (1, False)
    slow.error = None
    assert once.get() is once.get()
    assert slow.times == 2


def test_what_a_thread_of_the_parent_is_making_is_made_anew_after_a_fork(slow):
    once = MadeOnce(slow)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(once.get)
        wait_until(lambda: slow.times == 1, "a thread makes it")
        once._lock.acquire()
        made_once._leave_to_parent()
        slow.gate.set()
        assert once.get() is not asked.result()
    assert slow.times == 2


def test_what_is_made_already_is_kept_after_a_fork(slow):
    slow.gate.set()
    once = MadeOnce(slow)
    made = once.get()
    made_once._leave_to_parent()
    assert once.get() is made


@pytest.mark.parametrize("scheme", ["postgresql", "redis+cluster"])
def test_threads_wait_together_for_a_server_that_is_silent_at_the_start(scheme):
    start = Barrier(THREADS)

    def load():
        start.wait(30)
        with pytest.raises(SessionUnavailable) as caught:
            store.load("key")
        return caught.value.__cause__

    with (
        silent_port() as port,
        closing(make_store(f"{scheme}://127.0.0.1:{port}")) as store,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        causes = [each.result() for each in [pool.submit(load) for _ in range(THREADS)]]
    assert len(set(causes)) == 1
