"""What makes a cookie's value of a text, and the text of the value that a browser sent back."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Unsealed(NamedTuple):
    """What a cookie's value holds, once it has been verified."""

    text: str
    issued_at: float
    """POSIX time, in seconds. Whoever reads the text says how old it may be."""
    outdated: bool
    """Opened by a fallback key, so to be sealed again."""


class Codec(Protocol):
    """Seals texts for one cookie, so that nobody without the key can make or change a value."""

    def seal(self, text: str) -> str:
        """The cookie's value: characters that need no quotes in a header."""

    def unseal(self, value: str) -> Unsealed | None:
        """What ``value`` holds; None when no key opens it. Never raises, whatever the text."""
