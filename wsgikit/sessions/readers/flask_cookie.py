"""The session cookie of Flask."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.http import parse_date

from ..cookie import SameSite
from ..lifetimes import Duration
from ..options import Key, checked_fallbacks, checked_key
from .reader import CookieReader, FormerSession


def _unescape(value: dict[str, Any]) -> dict[str, Any]:
    ((key, item),) = value.items()
    return {key.removesuffix("__"): item}


_TAGS: dict[str, Callable[[Any], Any]] = {
    " di": _unescape,
    " t": tuple,
    " b": b64decode,
    " m": Markup,
    " u": UUID,
    " d": parse_date,
}


class _FlaskJSON:
    """Reads the tags of Flask's ``TaggedJSONSerializer``; those of an app's own stay dicts."""

    @staticmethod
    def dumps(value: object) -> str:
        return json.dumps(value)  # no more than a sign to itsdangerous that the payload is text

    @staticmethod
    def loads(text: str) -> Any:
        return json.loads(text, object_hook=_untag)


def _untag(value: dict[str, Any]) -> Any:
    tag = next(iter(value)) if len(value) == 1 else ""
    return _TAGS[tag](value[tag]) if tag in _TAGS else value


class FlaskCookie(CookieReader):
    """Reads the sessions of ``flask.session``.

    :param secret_key: Flask's ``SECRET_KEY``.
    :param cookie_name: its ``SESSION_COOKIE_NAME``.
    :param fallbacks: its ``SECRET_KEY_FALLBACKS``.
    :param max_age: its ``PERMANENT_SESSION_LIFETIME``.
    :param path, domain, secure, same_site, partitioned: its ``SESSION_COOKIE_PATH``,
        ``…_DOMAIN``, ``…_SECURE``, ``…_SAMESITE`` and ``…_PARTITIONED``.
    :param user_key: the value that tells whose session it is, ``"_user_id"`` with Flask-Login.
        Where sessions live in a store, it is bound to this user.
    """

    def __init__(
        self,
        secret_key: Key,
        *,
        cookie_name: str = "session",
        fallbacks: Sequence[Key] = (),
        max_age: Duration = timedelta(days=31),
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        same_site: SameSite = None,
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
        self._serializer = URLSafeTimedSerializer(
            [*checked_fallbacks(fallbacks), checked_key("secret_key", secret_key)],
            salt="cookie-session",
            serializer=_FlaskJSON,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
        )

    def _open(self, value: str) -> FormerSession:
        data, signed = self._serializer.loads(value, return_timestamp=True)
        return FormerSession(data, signed.timestamp(), signed.timestamp())
