"""wsgikit's own session cookie, from before the site kept its sessions in a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from werkzeug.datastructures import MultiDict

from ..chunks import MOST_CHUNKS, join, stale
from ..cookie import SameSite
from ..lifetimes import Duration
from ..options import Key, checked_fallbacks, checked_key
from ..signed_codec import SignedCodec
from ..values import tagged_json
from .reader import CookieReader, FormerSession


class SignedCookie(CookieReader):
    """Reads the sessions that a ``SessionMiddleware`` without ``store`` and ``encrypted`` kept.

    They keep their age, so that ``absolute_lifetime`` ends them when it would have.

    :param secret_key, cookie_name, max_age: as they were there.
    :param path, domain, secure, same_site, partitioned: as they were there.
    :param fallbacks: its ``secret_key_fallbacks``.
    :param user_key: the value that tells whose session it is; it is bound to this user.
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
        key = checked_key("secret_key", secret_key)
        self._codec = SignedCodec(self.name, key, checked_fallbacks(fallbacks))

    def _open(self, value: str) -> FormerSession:
        unsealed = self._codec.unseal(value)
        if unsealed is None:
            raise ValueError("no key has signed it")
        created, data = tagged_json.loads(unsealed.text)
        return FormerSession(data, unsealed.issued_at, float(created))

    def values_in(self, cookies: MultiDict[str, str]) -> Iterable[str]:
        return join(self.name, cookies, max_chunks=MOST_CHUNKS)

    def names_in(self, cookies: MultiDict[str, str]) -> list[str]:
        return [self.name, *stale(self.name, cookies, ())]
