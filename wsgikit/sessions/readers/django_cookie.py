"""The session cookie of Django's ``signed_cookies`` engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ...errors import MissingExtraError
from ..lifetimes import Duration
from ..options import Key, checked_fallbacks, checked_key
from .reader import CookieReader


class DjangoCookie(CookieReader):
    """Reads the sessions of ``django.contrib.sessions.backends.signed_cookies``, if they are JSON.

    They become permanent ones where Django's cookie outlived the browser. No Django settings are
    needed.

    :param secret_key: Django's ``SECRET_KEY``.
    :param cookie_name: its ``SESSION_COOKIE_NAME``.
    :param fallbacks: its ``SECRET_KEY_FALLBACKS``.
    :param max_age: its ``SESSION_COOKIE_AGE``.
    :param path, domain: its ``SESSION_COOKIE_PATH`` and ``SESSION_COOKIE_DOMAIN``.
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
        salt: str = "django.contrib.sessions.backends.signed_cookies",
        expire_at_browser_close: bool = False,
    ) -> None:
        super().__init__(cookie_name=cookie_name, max_age=max_age, path=path, domain=domain)
        try:
            from django.core.signing import TimestampSigner
        except ImportError as error:
            raise MissingExtraError("django", "django", "Reading Django's cookies") from error
        self._signer = TimestampSigner(
            key=checked_key("secret_key", secret_key),
            salt=salt,
            fallback_keys=checked_fallbacks(fallbacks),
        )
        self._lifetime = 0 if expire_at_browser_close else self.max_age

    def _open(self, value: str) -> tuple[Any, float]:
        data = self._signer.unsign_object(value, max_age=self.max_age)
        # As SessionBase.get_expire_at_browser_close has it.
        if data.get("_session_expiry", self._lifetime) != 0:
            data["_permanent"] = True
        return data, time.time()  # its age is known to be right
