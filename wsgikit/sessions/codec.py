"""Seals the text of a cookie, and opens it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from itsdangerous import BadData, URLSafeTimedSerializer


class Unsealed(NamedTuple):
    """What a cookie of ours held."""

    text: str
    issued_at: float
    outdated: bool


class Codec(Protocol):
    """Seals a text."""

    def seal(self, text: str) -> str: ...

    def unseal(self, value: str) -> Unsealed | None: ...


class _Text:
    dumps = loads = str


class SignedCodec:
    """itsdangerous, HMAC-SHA-256."""

    def __init__(self, name: str, key: bytes, fallbacks: Sequence[bytes] = ()) -> None:
        self._signers = [
            URLSafeTimedSerializer(
                keys,
                salt=f"wsgikit.session:{name}",
                serializer=_Text,
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
            for keys in ([key], list(fallbacks))
            if keys
        ]

    def seal(self, text: str) -> str:
        return str(self._signers[0].dumps(text))

    def unseal(self, value: str) -> Unsealed | None:
        for signer in self._signers:
            try:
                text, signed = signer.loads(value, return_timestamp=True)
            except (BadData, ValueError):
                continue
            return Unsealed(text, signed.timestamp(), signer is not self._signers[0])
        return None
