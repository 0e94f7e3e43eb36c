"""What is particular to sessions in the memory of a process."""

import time

import pytest

from wsgikit.sessions import MemoryStore


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(time, "time", lambda: Clock.now)
    return Clock


def create(store, numbers, ttl):
    for number in numbers:
        store.create(str(number), {}, ttl=ttl)


def test_expired_sessions_are_forgotten_when_others_come(clock):
    store = MemoryStore()
    store.create("long", {}, ttl=9000)
    create(store, range(1000), ttl=1)
    clock.now += 1
    create(store, range(1000, 2000), ttl=1)
    assert len(store._kept) < 2000
    assert store.load("long") is not None


def test_sessions_that_live_are_not_looked_at_for_each_new_one(clock, monkeypatch):
    store, purges = MemoryStore(), []
    monkeypatch.setattr(store, "purge", lambda: purges.append(len(store._kept)))
    create(store, range(10_000), ttl=9000)
    assert len(purges) < 10


def test_purge_forgets_locks_that_have_ended(clock):
    store = MemoryStore()
    store.lock("short", "token", ttl=1)
    store.lock("long", "token", ttl=2)
    clock.now += 1
    store.purge()
    assert list(store._locks) == ["long"]
