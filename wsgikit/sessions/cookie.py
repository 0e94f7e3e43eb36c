"""The cookie of a session: found, opened, sealed, and written with its attributes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from ..errors import ConfigurationError, SessionTooLarge
from .codec import Unsealed
from .options import checked_choice, checked_domain, checked_name, checked_path
from .seal import Seal
from .visitor import Visitor

SameSite = Literal["Lax", "Strict", "None"] | None

logger = logging.getLogger("wsgikit.session")

MAX_HEADER = 4093
"""Bytes of a whole Set-Cookie value that every browser keeps (RFC 6265, section 6.1, asks 4096)."""

_MAX_TRIED = 8
"""Cookies of one name that are opened: a subdomain can set some beside ours, not any number."""


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
        if self.secure and secure is False:
            raise ConfigurationError(
                "secure=False cannot go with same_site='None' or partitioned=True: browsers "
                "refuse such a cookie.\n\nLeave secure out, or choose same_site='Lax'."
            )


class SessionCookie:
    """Reads and writes one cookie.

    :param name: also what the values are sealed for.
    """

    def __init__(self, name: str, seal: Seal, attributes: CookieAttributes) -> None:
        self.name = checked_name(name)
        self._codec = seal.codec(name)
        self._attributes = attributes
        self.source = (name, attributes.path, attributes.domain, seal.key)
        self._secure = attributes.secure
        if name.lower().startswith(("__host-", "__secure-")):
            self._secure = True
            _check_prefix(name, attributes)

    def read(self, visitor: Visitor) -> Iterator[Unsealed]:
        """Open each cookie of this name that is one of ours; any other is ignored.

        Several of one name come when a subdomain has set one too ("cookie tossing").
        """
        if not self.is_in(visitor):
            return
        # werkzeug.http's parser raises for bytes that are no UTF-8, in whosever cookie they are.
        values = parse_cookie(visitor.cookies).getlist(self.name)[:_MAX_TRIED]
        refused = 0
        try:
            for value in values:
                unsealed = self._codec.unseal(value)
                if unsealed is not None:
                    yield unsealed
                else:
                    refused += 1
        finally:
            if refused or not values:
                logger.debug("refused %d of %d cookies named %s", refused, len(values), self.name)

    def is_in(self, visitor: Visitor) -> bool:
        """Whether the request brought a cookie that may be of this name."""
        return self.name in visitor.cookies

    def write(self, text: str, *, max_age: int | None, visitor: Visitor) -> list[str]:
        """Return the Set-Cookie values that keep ``text``, sealed, in the browser.

        :param max_age: seconds; None: until the browser is closed.
        :raises SessionTooLarge: over 4093 bytes.
        """
        header = self._header(self._codec.seal(text), max_age, visitor)
        if len(header) > MAX_HEADER:
            raise SessionTooLarge(
                f"The session's Set-Cookie header would have {len(header)} bytes; browsers drop a "
                f"cookie of more than {MAX_HEADER}."
            )
        return [header]

    def expire(self, visitor: Visitor) -> list[str]:
        """Return the Set-Cookie values that make the browser forget the cookie."""
        return [self._header("", 0, visitor)]

    def _header(self, value: str, max_age: int | None, visitor: Visitor) -> str:
        return dump_cookie(
            self.name,
            value,
            max_age=max_age,
            expires=0 if max_age == 0 else None,
            path=self._attributes.path,
            domain=self._attributes.domain,
            secure=visitor.https if self._secure is None else self._secure,
            httponly=self._attributes.http_only,
            samesite=self._attributes.same_site,
            partitioned=self._attributes.partitioned,
            max_size=0,
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
