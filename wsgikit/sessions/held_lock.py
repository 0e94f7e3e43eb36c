"""The exclusive lock of one session, for whoever cannot have changes merged."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

from ..errors import SessionLocked, SessionUnavailable
from .store import SessionStore

_PAUSE = 0.05  # seconds at most between two tries; random, so that no one is always second


class HeldLock:
    """Takes the lock of ``key``, and gives it back by ``release``.

    :param call: what the store's methods are called by.
    :raises SessionLocked: another request had it all the time.
    """

    def __init__(
        self,
        store: SessionStore,
        call: Callable[..., bool],
        key: str,
        *,
        wait: float,
        hold: float,
    ) -> None:
        self._store = store
        self._key = key
        self._token = secrets.token_hex(16)
        deadline = time.monotonic() + wait
        while not call(store.lock, key, self._token, ttl=hold):
            if time.monotonic() >= deadline:
                raise SessionLocked(retry_after=1)
            time.sleep(random.uniform(0, _PAUSE))

    def release(self) -> None:
        with suppress(SessionUnavailable, SessionLocked):  # then it ends by itself
            self._store.unlock(self._key, self._token)
