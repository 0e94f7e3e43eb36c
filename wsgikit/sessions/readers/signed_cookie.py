"""wsgikit's own session cookie, from before the site kept its sessions in a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..lifetimes import Duration
from ..options import Key, checked_fallbacks, checked_key
from ..signed_codec import SignedCodec
from ..values import tagged_json
from .reader import CookieReader


class SignedCookie(CookieReader):
    """Reads the sessions that a ``SessionMiddleware`` without ``store`` and ``encrypted`` kept.

    :param secret_key, cookie_name, max_age, path, domain: as they were there.
    :param fallbacks: its ``secret_key_fallbacks``.
    """

    def __init__(
        self,
        secret_key: Key,
        *,
        cookie_name: str = "wsgikit_session",
        fallbacks: Sequence[Key] = (),
        max_age: Duration = timedelta(days=31),
        path: str = "/",
        domain: str | None = None,
    ) -> None:
        super().__init__(cookie_name=cookie_name, max_age=max_age, path=path, domain=domain)
        key = checked_key("secret_key", secret_key)
        self._codec = SignedCodec(self.name, key, checked_fallbacks(fallbacks))

    def _open(self, value: str) -> tuple[Any, float]:
        unsealed = self._codec.unseal(value)
        if unsealed is None:
            raise ValueError("no key has signed it")
        _, data = tagged_json.loads(unsealed.text)
        return data, unsealed.issued_at
