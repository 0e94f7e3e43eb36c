"""Cookie values that only the key can read: AES-256-GCM, by the package ``cryptography``."""

from __future__ import annotations

import os
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import MissingExtraError
from .codec import Unsealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE = 12
"""Bytes. At random they serve for 2**32 values of one key (NIST SP 800-38D, section 8.3)."""
_TIME = struct.Struct(">d")
_BLOCK = 32
"""Texts are padded to a multiple of it, so that a value's length tells less of what is in it."""


class EncryptedCodec:
    """Encrypts texts; what is not encrypted is refused, also when it is signed with the same key.

    Nothing is compressed: the length would tell how much of what a visitor sent in is in the
    session already (CRIME, BREACH). NIST SP 800-38D; the key is derived as in RFC 5869.

    :param name: the cookie's name; a value encrypted for another name is refused.
    :param key: the secret.
    :param fallbacks: former secrets; they decrypt and never encrypt.
    :raises MissingExtraError: ``cryptography`` is not installed.
    """

    def __init__(self, name: str, key: bytes, fallbacks: Sequence[bytes] = ()) -> None:
        self._bound = _VERSION + name.encode()
        self._cipher = _derive_cipher(name, key)
        self._old_ciphers = [_derive_cipher(name, old) for old in fallbacks]

    def seal(self, text: str) -> str:
        nonce = os.urandom(_NONCE)
        plain = _pad(_TIME.pack(time.time()) + text.encode())
        return _encode(_VERSION + nonce + self._cipher.encrypt(nonce, plain, self._bound))

    def unseal(self, value: str) -> Unsealed | None:
        sealed = _decode(value)
        if sealed is None or sealed[:1] != _VERSION:
            return None
        for cipher in (self._cipher, *self._old_ciphers):
            plain = self._decrypt(cipher, sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :])
            if plain is not None:
                issued_at = _TIME.unpack_from(plain)[0]
                text = plain[_TIME.size : -plain[-1]].decode()
                return Unsealed(text, issued_at, cipher is not self._cipher)
        return None

    def _decrypt(self, cipher: AESGCM, nonce: bytes, sealed: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(nonce, sealed, self._bound)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            return None


def _derive_cipher(name: str, key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError as error:
        raise MissingExtraError("cryptography", "encryption", "Encrypting the session") from error
    # The info keeps apart what one secret is used for: no other cookie has this key.
    info = b"wsgikit.session.encrypted:" + name.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key))


def _pad(plain: bytes) -> bytes:
    count = _BLOCK - len(plain) % _BLOCK
    return plain + bytes([count]) * count


def _encode(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decode(value: str) -> bytes | None:
    try:
        sealed = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return None
    # Python skips what is no base64, and bits that do not count: one value has one text here.
    return sealed if _encode(sealed) == value else None
