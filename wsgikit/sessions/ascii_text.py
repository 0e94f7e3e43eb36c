"""Text of clients and apps as ASCII, for servers that refuse NUL or lone surrogates."""

from __future__ import annotations


def to_ascii(text: str) -> str:
    """Escape what is no printable ASCII; two texts never become the same one."""
    return text.encode("unicode_escape").decode("ascii")


def from_ascii(text: str) -> str:
    """The text that ``to_ascii`` has escaped."""
    return text.encode("ascii").decode("unicode_escape")
