"""How much time the current request has left, for whoever is about to wait.

>>> from wsgikit import deadline
>>> httpx.get(url, timeout=min(5, deadline.remaining()))
>>> app.before_request(deadline.check)

No thread can be stopped from outside, so a deadline is one that the code looks at by itself, before
each thing that may take long. ``DeadlineMiddleware`` sets it.

These functions find the request by its context. An app without a ``ContextMiddleware`` around it,
where they know of no end, asks the :class:`Deadline` in its environ:

>>> environ["wsgikit.deadline"].remaining()
"""

from __future__ import annotations

import math
import time

from .environ import DEADLINE
from .errors import DeadlineExceeded
from .stacks import request_contexts


class Deadline:
    """A point in time by which a request should be answered.

    :param seconds: from when the request came until then.
    :param waited: how many of these have passed already.
    """

    def __init__(self, seconds: float, waited: float = 0.0) -> None:
        self.seconds = seconds
        self.waited = waited
        self._at = time.monotonic() + seconds - waited

    def remaining(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self._at - time.monotonic())

    def check(self) -> None:
        """Go on only if it has not passed.

        :raises DeadlineExceeded: a 503 whose Retry-After is the deadline's length.
        """
        if not self.remaining():
            raise DeadlineExceeded(retry_after=math.ceil(self.seconds))


_NONE = Deadline(math.inf)


def remaining() -> float:
    """Seconds that the current request has left, 0 or more; ``inf`` without one or a deadline.

    And without a ``ContextMiddleware``: see above.
    """
    return _current().remaining()


def check() -> None:
    """Go on only if the current request has time left.

    :raises DeadlineExceeded: it has none: a 503 with Retry-After.
    """
    _current().check()


def _current() -> Deadline:
    context = request_contexts.top
    deadline: Deadline = _NONE if context is None else context.environ.get(DEADLINE, _NONE)
    return deadline
