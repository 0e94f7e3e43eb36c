"""What a session layer knows of whoever sent the request."""

from __future__ import annotations

from typing import NamedTuple


class Visitor(NamedTuple):
    """Taken from the environ before the app is called: that may change or clear it."""

    cookies: str
    """The Cookie header."""
    https: bool
    address: str
    user_agent: str
