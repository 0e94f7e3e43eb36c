"""The cookie of a session: found, opened, sealed, and written with its attributes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Literal, TypeVar

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from ..errors import ConfigurationError, SessionTooLarge
from .chunks import split, stale
from .codec import Unsealed
from .cookie_header import find_values
from .options import checked_choice, checked_domain, checked_name, checked_path
from .seal import Seal
from .visitor import Visitor

T = TypeVar("T")
SameSite = Literal["Lax", "Strict", "None"] | None

logger = logging.getLogger("wsgikit.session")

MAX_HEADER = 4093
"""Bytes of a whole Set-Cookie value that every browser keeps (RFC 6265, section 6.1, asks 4096)."""


class CookieAttributes:
    """The attributes of a cookie, checked. The arguments are those of ``SessionMiddleware``."""

    def __init__(
        self,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        http_only: bool = True,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
    ) -> None:
        self.path, self.domain = checked_path(path), checked_domain(domain)
        self.http_only = http_only
        self.same_site = checked_choice("same_site", same_site, ("Lax", "Strict", "None", None))
        # Browsers refuse both without Secure, so it goes with them even when https is not seen.
        self.secure = True if partitioned or same_site == "None" else secure
        self.partitioned = partitioned
        # They are the same for each response, but for Expires, which changes once a second.
        self._render = lru_cache(maxsize=64)(self._render_attributes)
        if self.secure and secure is False:
            raise ConfigurationError(
                "secure=False cannot go with same_site='None' or partitioned=True: browsers "
                "refuse such a cookie.\n\nLeave secure out, or choose same_site='Lax'."
            )

    def key(self, name: str) -> tuple[str, str, str | None, bool]:
        """What tells a cookie of ``name`` from others in a browser (RFC 6265, section 5.3)."""
        return name, self.path, self.domain, self.partitioned

    def header(self, name: str, value: str, max_age: int | None, visitor: Visitor) -> str:
        """The Set-Cookie value of one cookie; a ``max_age`` of 0 has the browser forget it.

        :param value: characters that need no quotes.
        """
        expires = int(time.time()) + max_age if max_age else max_age
        return f"{name}={value}{self._render(name, max_age, expires, visitor.https)}"

    def _render_attributes(
        self, name: str, max_age: int | None, expires: int | None, https: bool
    ) -> str:
        secure = True if is_prefixed(name) else self.secure
        cookie = dump_cookie(
            name,
            max_age=max_age,
            expires=expires,
            path=self.path,
            domain=self.domain,
            secure=https if secure is None else secure,
            httponly=self.http_only,
            samesite=self.same_site,
            partitioned=self.partitioned,
            max_size=0,
        )
        return cookie.removeprefix(f"{name}=")


def is_prefixed(name: str) -> bool:
    """Whether browsers take a cookie of this name with Secure alone (RFC 6265bis, 4.1.3)."""
    return name.lower().startswith(("__host-", "__secure-"))


class SessionCookie:
    """Reads and writes one cookie.

    :param name: also what the values are sealed for.
    :param max_chunks: how many cookies a value may be split over.
    """

    def __init__(
        self, name: str, seal: Seal, attributes: CookieAttributes, *, max_chunks: int = 1
    ) -> None:
        self.name = checked_name(name)
        self._begin_of_piece = f"{name}."
        self._codec = seal.codec(name)
        self._attributes = attributes
        self._max_chunks = max_chunks
        self.source = (name, attributes.path, attributes.domain, seal.key)
        if is_prefixed(name):
            _check_prefix(name, attributes)

    def open(self, visitor: Visitor, take: Callable[[Unsealed], T | None]) -> T | None:
        """What ``take`` makes of the first cookie of this name that it does not refuse.

        Several of one name come when a subdomain has set one too ("cookie tossing"). Only what is
        one of ours is given to ``take``; any other is ignored.
        """
        if not self.is_in(visitor):
            return None
        values = find_values(self.name, visitor.cookies, max_chunks=self._max_chunks)
        refused = 0
        try:
            for value in values:
                unsealed = self._codec.unseal(value)
                taken = take(unsealed) if unsealed is not None else None
                if taken is not None:
                    return taken
                refused += 1
            return None
        finally:
            if refused or not values:
                logger.debug("refused %d of %d cookies named %s", refused, len(values), self.name)

    def is_in(self, visitor: Visitor) -> bool:
        """Whether the request brought a cookie that may be of this name."""
        return self.name in visitor.cookies

    def write(self, text: str, *, max_age: int | None, visitor: Visitor) -> list[str]:
        """Return the Set-Cookie values that keep ``text``, sealed, in the browser.

        :param max_age: seconds; None: until the browser is closed.
        :raises SessionTooLarge: a Set-Cookie value has over 4093 bytes, or there are too many.
        """
        value = self._codec.seal(text)
        pieces: dict[str, str] | None = {self.name: value}
        if self._max_chunks > 1:
            pieces = split(self.name, value, max_chunks=self._max_chunks)
        if pieces is None:
            raise SessionTooLarge(
                f"The session's cookie would have {len(value)} bytes, and be split over more than "
                f"{self._max_chunks} cookies: servers refuse such requests."
            )
        header = self._attributes.header
        headers = [header(name, piece, max_age, visitor) for name, piece in pieces.items()]
        _check_sizes(headers)
        return headers + self._expire_others(visitor, pieces)

    def expire(self, visitor: Visitor) -> list[str]:
        """Return the Set-Cookie values that make the browser forget the cookie."""
        return [
            self._attributes.header(self.name, "", 0, visitor),
            *self._expire_others(visitor, ()),
        ]

    def _expire_others(self, visitor: Visitor, written: Collection[str]) -> list[str]:
        """Make the browser forget pieces of a former value that had more of them."""
        if self._begin_of_piece not in visitor.cookies:
            return []
        others = stale(self.name, parse_cookie(visitor.cookies), written)
        return [self._attributes.header(name, "", 0, visitor) for name in others]


def _check_sizes(headers: list[str]) -> None:
    for header in headers:
        if len(header) > MAX_HEADER:
            raise SessionTooLarge(
                f"The session's Set-Cookie header would have {len(header)} bytes; browsers drop a "
                f"cookie of more than {MAX_HEADER}."
            )


def _check_prefix(name: str, attributes: CookieAttributes) -> None:
    """Browsers refuse a cookie that does not keep what its prefix says (RFC 6265bis, 4.1.3)."""
    anywhere = attributes.path != "/" or attributes.domain is not None
    if attributes.secure is False or (anywhere and name.lower().startswith("__host-")):
        raise ConfigurationError(
            f"cookie_name={name!r} cannot go with secure=False, and __Host- not with a path or "
            "domain either: browsers refuse such a cookie.\n\n"
            "Leave them out, or choose a name without the prefix."
        )
