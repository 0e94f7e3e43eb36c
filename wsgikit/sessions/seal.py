"""The keys of a site, and what they seal."""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Codec
from .encrypted_codec import EncryptedCodec
from .options import Key, checked_fallbacks, checked_key
from .signed_codec import SignedCodec


class Seal:
    """Makes the codec of each cookie from the site's keys.

    :param secret_key, fallbacks, encrypted: see ``SessionMiddleware``.
    """

    def __init__(
        self, secret_key: Key, fallbacks: Sequence[Key] = (), *, encrypted: bool = False
    ) -> None:
        self.key = checked_key("secret_key", secret_key)
        self.fallbacks = checked_fallbacks(fallbacks)
        self._encrypted = encrypted

    def codec(self, name: str) -> Codec:
        """What seals the values of cookies called ``name``, and refuses those of other names."""
        codec = EncryptedCodec if self._encrypted else SignedCodec
        return codec(name, self.key, self.fallbacks)
