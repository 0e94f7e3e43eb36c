"""The signed cookie that a session lives in: itsdangerous, HMAC-SHA-256, keys that rotate."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from ..errors import ConfigurationError, SessionTooLarge
from .options import (
    Key,
    checked_choice,
    checked_domain,
    checked_fallbacks,
    checked_key,
    checked_name,
    checked_path,
    checked_seconds,
)
from .session import Session, StoredSession

logger = logging.getLogger("wsgikit.session")

MAX_HEADER = 4093
"""Bytes of a whole Set-Cookie value that every browser keeps (RFC 6265, section 6.1, asks 4096)."""


class _Text:
    """Leaves the JSON text alone, so that it can be compared with at the end of the request."""

    dumps = loads = str


class SessionCookie:
    """Reads and writes the cookie. The arguments are those of ``SessionMiddleware``."""

    def __init__(
        self,
        *,
        secret_key: Key,
        secret_key_fallbacks: Sequence[Key] = (),
        cookie_name: str = "wsgikit_session",
        max_age: int | timedelta = timedelta(days=31),
        refresh_interval: int | timedelta | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        http_only: bool = True,
        same_site: Literal["Lax", "Strict", "None"] | None = "Lax",
        partitioned: bool = False,
        oversize: Literal["raise", "keep"] = "raise",
    ) -> None:
        self.name = checked_name(cookie_name)
        self.max_age = checked_seconds("max_age", max_age, 1)
        self.refresh_interval = (
            self.max_age // 10
            if refresh_interval is None
            else checked_seconds("refresh_interval", refresh_interval)
        )
        self.path, self.domain = checked_path(path), checked_domain(domain)
        self.http_only = http_only
        self.same_site = checked_choice("same_site", same_site, ("Lax", "Strict", "None", None))
        self.oversize = checked_choice("oversize", oversize, ("raise", "keep"))
        # Browsers refuse both without Secure, so it goes with them even when https is not seen.
        needs_secure = partitioned or same_site == "None"
        if needs_secure and secure is False:
            raise ConfigurationError(
                "secure=False cannot go with same_site='None' or partitioned=True: browsers "
                "refuse such a cookie.\n\nLeave secure out, or choose same_site='Lax'."
            )
        self.secure = True if needs_secure else secure
        self.partitioned = partitioned
        # Two signers, not one with all keys: a cookie signed with an old key must be noticed.
        key = checked_key("secret_key", secret_key)
        self._signer = self._make_signer([key])
        old_keys = checked_fallbacks(secret_key_fallbacks)
        self._old_signers = [self._make_signer(old_keys)] if old_keys else []
        self.source = (self.name, self.path, self.domain, key)
        """Two layers with the same one would write one cookie twice."""

    def _make_signer(self, keys: list[bytes]) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            keys,
            salt=f"wsgikit.session:{self.name}",  # a value signed for another name is refused
            serializer=_Text,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def load(self, cookie_header: str | None) -> StoredSession | None:
        """Return the first cookie of this name that verifies; any other is ignored."""
        if not cookie_header or self.name not in cookie_header:
            return None
        # werkzeug.http's parser raises for bytes that are no UTF-8, in whosever cookie they are.
        values = parse_cookie(cookie_header).getlist(self.name)
        stored, refused = None, 0
        for value in values:
            stored = self._verify(value)
            if stored is not None:
                break
            refused += 1
        if stored is None or refused:
            logger.debug("refused %d of %d cookies named %s", refused, len(values), self.name)
        return stored

    def _verify(self, value: str) -> StoredSession | None:
        for signer in (self._signer, *self._old_signers):
            try:
                text, signed = signer.loads(value, return_timestamp=True)
                data = json.loads(text)
            except (BadData, ValueError, RecursionError):
                continue
            # Not itsdangerous' max_age: that refuses what a host whose clock is ahead has signed.
            issued_at = signed.timestamp()
            if isinstance(data, dict) and time.time() - issued_at <= self.max_age:
                return StoredSession(data, text, issued_at, signer is not self._signer)
        return None

    def needs_reissue(self, stored: StoredSession) -> bool:
        """Whether an unchanged session is to be signed again: by a new key, or for its age."""
        return stored.outdated or time.time() - stored.issued_at >= self.refresh_interval

    def dump(self, session: Session, *, https: bool) -> str | None:
        """Return the Set-Cookie value for ``session``, or None when it is kept as it was.

        :raises SessionValueError: a value that JSON cannot hold.
        :raises SessionTooLarge: over 4093 bytes, and ``oversize`` is ``"raise"``.
        """
        value = self._signer.dumps(session.text)
        header = self._header(value, self.max_age if session.permanent else None, https)
        if len(header) <= MAX_HEADER:
            return header
        message = _describe_size(session, len(header))
        if self.oversize == "raise":
            raise SessionTooLarge(message)
        logger.error("%s The visitor keeps the session as it was before this request.", message)
        return None

    def delete(self, *, https: bool) -> str:
        """Return the Set-Cookie value that makes the browser forget the cookie."""
        return self._header("", 0, https)

    def _header(self, value: str, max_age: int | None, https: bool) -> str:
        return dump_cookie(
            self.name,
            value,
            max_age=max_age,
            expires=0 if max_age == 0 else None,
            path=self.path,
            domain=self.domain,
            secure=https if self.secure is None else self.secure,
            httponly=self.http_only,
            samesite=self.same_site,
            partitioned=self.partitioned,
            max_size=0,
        )


def _describe_size(session: Session, size: int) -> str:
    sizes = {key: len(repr(value)) for key, value in session.items()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
    named = ", ".join(f"{key!r} ({sizes[key]} characters)" for key in largest)
    return (
        f"The session's Set-Cookie header would have {size} bytes; browsers drop a cookie of more "
        f"than {MAX_HEADER}. The largest keys are {named}. Keep large values elsewhere and only "
        "their id in the session."
    )
