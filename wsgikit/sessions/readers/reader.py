"""What every reader of another framework's cookie does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from ..lifetimes import Duration
from ..options import checked_domain, checked_name, checked_path, checked_seconds


class CookieReader(ABC):
    """Reads the sessions in one cookie of another framework.

    :param cookie_name: the cookie's name there.
    :param max_age: seconds, or a timedelta, after which such a cookie is not taken any more.
    :param path, domain: the cookie's attributes there. It is expired with them.
    """

    def __init__(
        self, *, cookie_name: str, max_age: Duration, path: str = "/", domain: str | None = None
    ) -> None:
        self.name = checked_name(cookie_name)
        self.max_age = checked_seconds("max_age", max_age, 1)
        self.path, self.domain = checked_path(path), checked_domain(domain)

    def read(self, value: str) -> dict[str, Any] | None:
        """The session's values; None for a value that none of the keys has signed, or too old."""
        try:
            data, issued_at = self._open(value)
        except Exception:  # each library has its own for what a stranger may have sent
            return None
        is_valid = type(data) is dict and time.time() - issued_at <= self.max_age
        return data if is_valid else None

    @abstractmethod
    def _open(self, value: str) -> tuple[Any, float]:
        """What ``value`` holds, verified, and when it was signed; raise if it is not."""
