"""What a session layer knows of whoever sent the request."""

from __future__ import annotations

from typing import NamedTuple
from wsgiref.types import WSGIEnvironment


class Visitor(NamedTuple):
    """Taken from the environ before the app is called: that may change or clear it."""

    cookies: str
    """The Cookie header."""
    https: bool
    address: str
    user_agent: str

    @classmethod
    def of(cls, environ: WSGIEnvironment) -> Visitor:
        get = environ.get
        return cls(
            get("HTTP_COOKIE", ""),
            environ["wsgi.url_scheme"] == "https",
            get("REMOTE_ADDR", ""),
            get("HTTP_USER_AGENT", ""),
        )
