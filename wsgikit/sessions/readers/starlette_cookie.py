"""The session cookie of Starlette, and of FastAPI."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta

from itsdangerous import TimestampSigner

from ..cookie import SameSite
from ..lifetimes import Duration
from ..options import Key, checked_key
from .reader import CookieReader, FormerSession


class StarletteCookie(CookieReader):
    """Reads the sessions of ``starlette.middleware.sessions.SessionMiddleware``.

    They become permanent ones, as its cookies outlive the browser.

    :param secret_key: Starlette's ``secret_key``.
    :param cookie_name: its ``session_cookie``.
    :param max_age, path, domain: its arguments of these names.
    :param secure, same_site: its ``https_only``, and its ``same_site`` with a capital.
    :param partitioned: whether the cookie was, by a layer of your own.
    :param user_key: the value that tells whose session it is. Where sessions live in a store, it
        is bound to this user.
    """

    def __init__(
        self,
        secret_key: Key,
        *,
        cookie_name: str = "session",
        max_age: Duration = timedelta(days=14),
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
        user_key: str | None = None,
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
        self._signer = TimestampSigner(checked_key("secret_key", secret_key))

    def _open(self, value: str) -> FormerSession:
        payload, signed = self._signer.unsign(value, return_timestamp=True)
        data = {"_permanent": True, **json.loads(b64decode(payload))}
        return FormerSession(data, signed.timestamp(), signed.timestamp())
