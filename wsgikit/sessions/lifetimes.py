"""How long a session lives: idle, since it began, and until it is written again."""

from __future__ import annotations

import time
from datetime import timedelta

from .options import checked_seconds

Duration = int | timedelta
"""Seconds, or a timedelta."""


class Lifetimes:
    """The three durations of sessions. The arguments are those of ``SessionMiddleware``."""

    def __init__(
        self,
        max_age: Duration = timedelta(days=31),
        refresh_interval: Duration | None = None,
        absolute_lifetime: Duration | None = None,
    ) -> None:
        self.max_age = checked_seconds("max_age", max_age, 1)
        self.refresh_interval = (
            self.max_age // 10
            if refresh_interval is None
            else checked_seconds("refresh_interval", refresh_interval)
        )
        self.absolute = (
            None
            if absolute_lifetime is None
            else checked_seconds("absolute_lifetime", absolute_lifetime, 1)
        )

    def is_over(self, created: float, seen: float = 0.0) -> bool:
        """Whether a session has ended that began at ``created`` and was kept at ``seen``."""
        now = time.time()
        too_old = self.absolute is not None and now - created > self.absolute
        return too_old or (seen > 0 and now - seen > self.max_age)

    def is_due(self, seen: float) -> bool:
        """Whether a session that is only read is to be kept for longer."""
        return time.time() - seen >= self.refresh_interval

    def ttl(self, created: float) -> float:
        """Seconds for which a session that began at ``created`` is kept from now on."""
        if self.absolute is None:
            return self.max_age
        return min(self.max_age, max(created + self.absolute - time.time(), 1))
