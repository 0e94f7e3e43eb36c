"""Responses with the headers that mean something with their status."""

from __future__ import annotations

from .server import Headers

_COOKIES = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; HttpOnly")]
_CHALLENGES = [("WWW-Authenticate", 'Basic realm="a"'), ("WWW-Authenticate", "Bearer")]

# Nothing that a layer may change which rewrites bodies: its ETag is weak (RFC 9110, 8.8.3.3).
RESPONSES: list[tuple[str, str, Headers]] = [
    ("GET", "299 Quite Fine", [("X-Name", "caf\xe9"), *_COOKIES]),
    (
        "GET",
        "200 OK",
        [
            ("ETag", 'W/"1"'),
            ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("Cache-Control", "private, max-age=60"),
            ("Content-Disposition", 'attachment; filename="a b.txt"'),
            ("Content-Language", "en"),
            ("Link", "</next>; rel=next"),
        ],
    ),
    ("POST", "201 Created", [("Location", "/new/1")]),
    ("POST", "303 See Other", [("Location", "/there?a=b&c=d#e"), *_COOKIES]),
    ("GET", "401 Unauthorized", _CHALLENGES),
    ("PUT", "405 Method Not Allowed", [("Allow", "GET, HEAD")]),
    ("GET", "503 Service Unavailable", [("Retry-After", "120")]),
]
"""To a request with this method: the status, and headers."""
