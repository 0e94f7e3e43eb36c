"""The session cookie of Starlette, and of FastAPI."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

from itsdangerous import TimestampSigner

from ..lifetimes import Duration
from ..options import Key, checked_key
from .reader import CookieReader


class StarletteCookie(CookieReader):
    """Reads the sessions of ``starlette.middleware.sessions.SessionMiddleware``.

    They become permanent ones, as its cookies outlive the browser.

    :param secret_key: Starlette's ``secret_key``.
    :param cookie_name: its ``session_cookie``.
    :param max_age, path, domain: its arguments of these names.
    """

    def __init__(
        self,
        secret_key: Key,
        *,
        cookie_name: str = "session",
        max_age: Duration = timedelta(days=14),
        path: str = "/",
        domain: str | None = None,
    ) -> None:
        super().__init__(cookie_name=cookie_name, max_age=max_age, path=path, domain=domain)
        self._signer = TimestampSigner(checked_key("secret_key", secret_key))

    def _open(self, value: str) -> tuple[Any, float]:
        payload, signed = self._signer.unsign(value, return_timestamp=True)
        return {"_permanent": True, **json.loads(b64decode(payload))}, signed.timestamp()
