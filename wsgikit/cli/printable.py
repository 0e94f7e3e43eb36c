"""Text of strangers, such as a user agent, made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape whatever could steer a terminal, turn the direction of writing, or not be encoded."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
