"""Functions that run once a process, whichever thread comes first."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock


class RunOnce:
    """Run each function until it has succeeded once; other threads wait for that.

    A function that raises is tried again at the next call, after those that succeeded before it
    have been left out. One that calls back into here, in the same thread, is not run twice.
    """

    def __init__(self) -> None:
        self._pending: list[Callable[[], object]] = []
        self._lock = RLock()
        self._running = False
        self.done = True  # nothing is pending

    def add(self, function: Callable[[], object]) -> None:
        """Add a function to run, after the ones before it."""
        with self._lock:
            self._pending.append(function)
            self.done = False

    def __call__(self) -> None:
        """Run what is pending; return at once when nothing is."""
        if self.done:
            return
        with self._lock:
            if not self._running:  # else one of them has called back into here
                self._running = True
                try:
                    self._run_pending()
                    self.done = True
                finally:
                    self._running = False

    def _run_pending(self) -> None:
        while self._pending:
            function = self._pending.pop(0)
            try:
                function()
            except BaseException:
                self._pending.insert(0, function)
                raise
