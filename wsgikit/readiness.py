"""Checks of what an app needs, run for all who ask at the same time together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import TIMEOUT_MAX, Event, Lock, Thread

from .errors import ConfigurationError

logger = logging.getLogger("wsgikit.health")

# A connection into a black hole may hang for 15 minutes, and a server be replaced within three:
# with a timeout of 2 seconds runs begin after 3, 20 and 149.
_MOST_HANGING = 4
_DELAY = 8


def check_times(timeout: float, keep: float) -> None:
    """Refuse what no thread can wait.

    :raises ConfigurationError: these are no seconds.
    """
    if not (_is_time(timeout) and _is_time(keep) and timeout):
        raise ConfigurationError(
            f"timeout={timeout!r}, keep={keep!r}: a check needs time.\n\n"
            "Write seconds: timeout above 0, keep 0 or more."
        )


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, (int, float)) and 0 <= seconds <= TIMEOUT_MAX


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
    """A check that one run answers, however many ask at the same time. Changes are logged.

    :param name: for the log.
    :param function: fails by raising, or by returning False.
    :param timeout: seconds after which a run counts as failed. It is left to itself then, as no
        thread can be stopped, and another may begin: what is needed may be back, though a run from
        before still waits for it. Each one more that hangs makes the wait for the next eight times
        as long, and no more than four hang at the same time.
    :param keep: seconds that a result counts.
    :raises ConfigurationError: that is no function.
    """

    def __init__(
        self, name: str, function: Callable[[], object], *, timeout: float, keep: float
    ) -> None:
        if not callable(function):
            raise ConfigurationError(
                f"The check {name!r} is no function: {function!r}.\n\n"
                "Write one such as wsgikit.health_checks.database(engine)."
            )
        self._name = name
        self._function = function
        self._timeout = timeout
        self._keep = keep
        self._lock = Lock()
        self._runs: list[_Run] = []
        """The last one counts; those before it have hung, or hang."""
        self._passed = True

    def start(self) -> Callable[[], bool]:
        """Begin a run, unless one is under way or its result still counts.

        :return: a function that waits for that run and returns whether it passes.
        """
        with self._lock:
            hanging = [run for run in self._runs if run.ended_at is None]
            if self._is_due(len(hanging)):
                self._runs = [*hanging, _Run(self._function)]
            return partial(self._passes, self._runs[-1])

    def _is_due(self, hanging: int) -> bool:
        if not self._runs:
            return True
        last = self._runs[-1]
        end = last.ended_at
        if end is None:
            end = last.began_at + self._timeout * _DELAY ** (hanging - 1)
        return hanging < _MOST_HANGING and time.monotonic() - end >= self._keep

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
