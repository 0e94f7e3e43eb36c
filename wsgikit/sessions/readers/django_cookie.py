"""The session cookie of Django's ``signed_cookies`` engine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from ...errors import MissingExtraError
from ..cookie import SameSite
from ..lifetimes import Duration
from ..options import Key, checked_fallbacks, checked_key
from .reader import CookieReader, FormerSession


class DjangoCookie(CookieReader):
    """Reads the sessions of ``django.contrib.sessions.backends.signed_cookies``, if they are JSON.

    They become permanent ones where Django's cookie outlived the browser and the ``max_age``. One
    whose ``set_expiry`` promised less is taken until then, and ends with the browser: here, all
    sessions live for the same time. No Django settings are needed.

    :param secret_key: Django's ``SECRET_KEY``.
    :param cookie_name: its ``SESSION_COOKIE_NAME``.
    :param fallbacks: its ``SECRET_KEY_FALLBACKS``.
    :param max_age: its ``SESSION_COOKIE_AGE``.
    :param path, domain, secure, same_site: its ``SESSION_COOKIE_PATH``, ``…_DOMAIN``, ``…_SECURE``
        and ``…_SAMESITE``.
    :param partitioned: whether the cookie was, by a middleware of your own.
    :param user_key: the value that tells whose session it is, by default that of Django's logins.
        Where sessions live in a store, it is bound to this user; None: to nobody.
    :param salt: that of the engine, or of one of your own.
    :param expire_at_browser_close: its ``SESSION_EXPIRE_AT_BROWSER_CLOSE``.
    :raises MissingExtraError: Django is not installed.
    """

    def __init__(
        self,
        secret_key: Key,
        *,
        cookie_name: str = "sessionid",
        fallbacks: Sequence[Key] = (),
        max_age: Duration = timedelta(weeks=2),
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
        user_key: str | None = "_auth_user_id",
        salt: str = "django.contrib.sessions.backends.signed_cookies",
        expire_at_browser_close: bool = False,
    ) -> None:
        super().__init__(
            cookie_name=cookie_name,
            max_age=max_age,
            path=path,
            domain=domain,
            secure=secure,
            same_site=same_site,
            partitioned=partitioned,
            user_key=user_key,
        )
        try:
            from django.core.signing import TimestampSigner
        except ImportError as error:
            raise MissingExtraError("django", "django", "Reading Django's cookies") from error
        self._signer = TimestampSigner(
            key=checked_key("secret_key", secret_key),
            salt=salt,
            fallback_keys=checked_fallbacks(fallbacks),
        )
        self._usual = 0 if expire_at_browser_close else self.max_age

    def _open(self, value: str) -> FormerSession:
        data = self._signer.unsign_object(value)
        signed_at = _signed_at(value)
        expiry = data.pop("_session_expiry", None)  # our sessions have none of their own
        lifetime = _lifetime(self._usual if expiry is None else expiry, signed_at)
        if time.time() >= signed_at + lifetime:
            raise ValueError("it has expired")
        if self.max_age <= lifetime < math.inf:
            data["_permanent"] = True
        return FormerSession(data, signed_at, signed_at)


def _signed_at(value: str) -> float:
    """The time in a value of Django's ``TimestampSigner``, in whole seconds."""
    from django.core.signing import b62_decode

    return float(b62_decode(value.rsplit(":", 2)[1]))


def _lifetime(expiry: float | str, signed_at: float) -> float:
    """Seconds for which the cookie was to live, or to the browser's end, by its ``set_expiry``."""
    if isinstance(expiry, str):
        return datetime.fromisoformat(expiry).timestamp() - signed_at
    return expiry or math.inf
