"""Cookie values that anyone can read and only the key can make: itsdangerous, HMAC-SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, URLSafeTimedSerializer

from .codec import Unsealed


class _Text:
    """Leaves the text alone; it is JSON already."""

    dumps = loads = str


class SignedCodec:
    """Signs texts, and compresses them where that makes them shorter.

    :param name: the cookie's name; a value signed for another name is refused.
    :param key: the secret.
    :param fallbacks: former secrets, oldest first; they verify and never sign.
    """

    def __init__(self, name: str, key: bytes, fallbacks: Sequence[bytes] = ()) -> None:
        self._name = name
        # Two signers, not one with all keys: a value signed with an old key must be noticed.
        self._signer = self._make_signer([key])
        self._old_signers = [self._make_signer(fallbacks)] if fallbacks else []

    def _make_signer(self, keys: Sequence[bytes]) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            list(keys),
            salt=f"wsgikit.session:{self._name}",
            serializer=_Text,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def seal(self, text: str) -> str:
        return self._signer.dumps(text)

    def unseal(self, value: str) -> Unsealed | None:
        for signer in (self._signer, *self._old_signers):
            try:
                # Not max_age: itsdangerous refuses what a host whose clock is ahead has signed.
                text, signed = signer.loads(value, return_timestamp=True)
            except (BadData, ValueError):  # ValueError: a lone surrogate, which no header can hold
                continue
            return Unsealed(text, signed.timestamp(), signer is not self._signer)
        return None
