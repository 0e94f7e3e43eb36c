"""Checks of what an app needs, run for all who ask at the same time together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread

logger = logging.getLogger("wsgikit.health")


class _Run:
    """One call of a check, in a thread of its own: it may never come back."""

    error: BaseException | None = None
    ended_at: float | None = None

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._over = Event()
        self.began_at = time.monotonic()
        Thread(target=self._call, name="wsgikit-check", daemon=True).start()

    def _call(self) -> None:
        try:
            if self._function() is False:
                self.error = ValueError("it has returned False")
        except BaseException as error:
            self.error = error.with_traceback(None)  # which holds all that the check has made
        self.ended_at = time.monotonic()
        self._over.set()

    def fault(self, timeout: float) -> BaseException | None:
        """Wait until ``timeout`` seconds after the start; return why the check fails, or None."""
        deadline = self.began_at + timeout
        self._over.wait(max(0.0, deadline - time.monotonic()))
        if self.ended_at is None or self.ended_at > deadline:
            return TimeoutError(f"no answer within {timeout:g} seconds")
        return self.error


class Check:
    """A check that is run at most once at a time, however many ask. Changes are logged.

    :param name: for the log.
    :param function: fails by raising, or by returning False.
    :param timeout: seconds after which a run counts as failed. It is left to itself then, and no
        other is begun until it has ended: one that is stuck holds one thread.
    :param keep: seconds that a result counts.
    """

    def __init__(
        self, name: str, function: Callable[[], object], *, timeout: float, keep: float
    ) -> None:
        self._name = name
        self._function = function
        self._timeout = timeout
        self._keep = keep
        self._lock = Lock()
        self._run: _Run | None = None
        self._passed = True

    def start(self) -> Callable[[], bool]:
        """Begin a run, unless one is under way or its result still counts.

        :return: a function that waits for that run and returns whether it passes.
        """
        with self._lock:
            if self._run is None or self._is_stale(self._run):
                self._run = _Run(self._function)
            return partial(self._passes, self._run)

    def _is_stale(self, run: _Run) -> bool:
        return run.ended_at is not None and time.monotonic() - run.ended_at >= self._keep

    def _passes(self, run: _Run) -> bool:
        fault = run.fault(self._timeout)
        passed = fault is None
        with self._lock:
            changed, self._passed = passed != self._passed, passed
        if changed and passed:
            logger.warning("the readiness check %r passes again", self._name)
        elif changed:
            logger.error("the readiness check %r fails: %r", self._name, fault)
        return passed
