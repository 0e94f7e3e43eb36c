"""What caches are told of a response that is one visitor's own."""

from __future__ import annotations

import re

from werkzeug.http import parse_set_header

from .lifecycle import Headers

_NOT_THE_COOKIE = 'no-cache="Set-Cookie"'
_KEPT_PRIVATE = re.compile(r"\b(private|no-store|no-cache)\b", re.IGNORECASE)


def add_vary(headers: Headers, name: str) -> None:
    """Say in ``headers`` that the response depends on the request header ``name``, once.

    Follows RFC 9110, section 12.5.5.
    """
    lines = [index for index, (key, _) in enumerate(headers) if key.lower() == "vary"]
    if not lines:
        headers.append(("Vary", name))
        return
    names = [parse_set_header(headers[index][1]) for index in lines]
    if not any(name in line or "*" in line for line in names):
        key, value = headers[lines[0]]
        headers[lines[0]] = (key, f"{value}, {name}" if value else name)


def keep_cookie_private(headers: Headers) -> None:
    """Let no shared cache give a Set-Cookie to another visitor (RFC 9111, section 5.2.2.4)."""
    lines = [index for index, (key, _) in enumerate(headers) if key.lower() == "cache-control"]
    if not lines:
        headers.append(("Cache-Control", _NOT_THE_COOKIE))
    elif not any(_KEPT_PRIVATE.search(headers[index][1]) for index in lines):
        key, value = headers[lines[0]]
        headers[lines[0]] = (key, f"{value}, {_NOT_THE_COOKIE}" if value else _NOT_THE_COOKIE)
