"""What every reader of another framework's cookie does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from ..cookie import CookieAttributes, SameSite, is_prefixed
from ..lifetimes import Duration
from ..options import checked_name, checked_seconds


class FormerSession(NamedTuple):
    """What a cookie of another framework holds."""

    data: dict[str, Any]
    signed_at: float
    """POSIX time, in seconds."""
    created: float
    """POSIX time, in seconds, since which it is known to exist."""


class CookieReader(ABC):
    """Reads the sessions in one cookie of another framework.

    :param cookie_name: the cookie's name there.
    :param max_age: seconds, or a timedelta, after which such a cookie is not taken any more.
    :param path, domain, secure, same_site, partitioned: the cookie's attributes there. It is
        expired with them, as a browser does not obey otherwise; ``Secure`` goes with a name that
        begins with ``__Host-`` or ``__Secure-`` by itself.
    :param user_key: the value that tells whose session it is. Where sessions live in a store, the
        one moved in is bound to this user.
    """

    def __init__(
        self,
        *,
        cookie_name: str,
        max_age: Duration,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        same_site: SameSite = None,
        partitioned: bool = False,
        user_key: str | None = None,
    ) -> None:
        self.name = checked_name(cookie_name)
        self.max_age = checked_seconds("max_age", max_age, 1)
        if is_prefixed(self.name):
            secure = True
        self.attributes = CookieAttributes(
            path, domain, secure, same_site=same_site, partitioned=partitioned
        )
        self.user_key = user_key

    def read(self, value: str) -> FormerSession | None:
        """The session; None for a value that none of the keys has signed, or too old."""
        try:
            former = self._open(value)
        except Exception:  # each library has its own for what a stranger may have sent
            return None
        is_valid = type(former.data) is dict and time.time() - former.signed_at <= self.max_age
        return former if is_valid else None

    @abstractmethod
    def _open(self, value: str) -> FormerSession:
        """What ``value`` holds, verified; raise if it is not."""

    def values_in(self, cookies: MultiDict[str, str]) -> Iterable[str]:
        """The values that a request's cookies may hold."""
        return cookies.getlist(self.name)

    def names_in(self, cookies: MultiDict[str, str]) -> list[str]:
        """The names of the cookies that hold one."""
        return [self.name]
