"""Spares a store that does not answer, and the requests that would wait for it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from threading import Lock
from typing import ParamSpec, TypeVar

from ..errors import SessionLocked, SessionRefused, SessionUnavailable
from .store import SessionGone

logger = logging.getLogger("wsgikit.session")

P = ParamSpec("P")
R = TypeVar("R")


class Circuit:
    """Calls the store, and after a failure not before ``pause`` is over.

    :param pause: seconds. Then one request tries again, while the others still fail at once; with
        its success all is as before.
    """

    def __init__(self, pause: float = 2.0) -> None:
        self.pause = pause
        self._closed_again_at: float | None = None
        self._lock = Lock()

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return ``function(*args, **kwargs)``.

        :raises SessionUnavailable: from the store, or at once.
        :raises SessionRefused: from the store. It answers, so it is asked again by the next.
        """
        failed_before = self._closed_again_at is not None
        if failed_before:
            self._claim_try()
        try:
            result = function(*args, **kwargs)
        except (SessionGone, SessionLocked, SessionRefused) as answer:
            self._note_answer(failed_before)
            if isinstance(answer, SessionRefused):
                logger.error("the session store refuses: %r", answer.__cause__)
            raise
        except SessionUnavailable as error:
            self._open(error)
            raise SessionUnavailable(retry_after=math.ceil(self.pause)) from error.__cause__
        self._note_answer(failed_before)
        return result

    def _note_answer(self, failed_before: bool) -> None:
        if failed_before:
            self._closed_again_at = None
            logger.warning("the session store answers again")

    def _claim_try(self) -> None:
        with self._lock:
            now, until = time.monotonic(), self._closed_again_at
            if until is None:
                return
            if now < until:
                raise SessionUnavailable(retry_after=math.ceil(until - now))
            self._closed_again_at = now + self.pause

    def _open(self, error: SessionUnavailable) -> None:
        with self._lock:
            if self._closed_again_at is None:
                logger.error("the session store does not answer: %r", error.__cause__)
            self._closed_again_at = time.monotonic() + self.pause
