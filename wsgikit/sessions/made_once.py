"""What all threads of a process share, made by the first that needs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class MadeOnce(Generic[T]):
    """Calls ``make`` when it is first needed; who comes meanwhile waits for that call's outcome.

    When it fails it fails for all of them, or each would wait for the same server in turn. The
    next who comes tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._outcome: Future[T] | None = None
        self.is_made = False
        _all.add(self)

    def get(self) -> T:
        with self._lock:
            is_first = self._outcome is None
            outcome = self._outcome = self._outcome or Future()
        if is_first:
            self._settle(outcome)
        return outcome.result()

    def _settle(self, outcome: Future[T]) -> None:
        try:
            outcome.set_result(self._make())
            self.is_made = True
        except BaseException as error:
            self._outcome = None
            outcome.set_exception(error)

    def leave_to_parent(self) -> None:
        """Forget what another thread was making. Called after a fork, in the child."""
        self._lock = Lock()
        if not self.is_made:
            self._outcome = None


_all: WeakSet[MadeOnce[Any]] = WeakSet()


def _leave_to_parent() -> None:
    for each in list(_all):
        each.leave_to_parent()


os.register_at_fork(after_in_child=_leave_to_parent)
