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
    lines = _lines(headers, "vary")
    names = [parse_set_header(headers[index][1]) for index in lines]
    if not any(name in line or "*" in line for line in names):
        _add(headers, lines, "Vary", name)


def keep_cookie_private(headers: Headers) -> None:
    """Let no shared cache give a Set-Cookie to another visitor (RFC 9111, section 5.2.2.4)."""
    lines = _lines(headers, "cache-control")
    if not any(_KEPT_PRIVATE.search(headers[index][1]) for index in lines):
        _add(headers, lines, "Cache-Control", _NOT_THE_COOKIE)


def _lines(headers: Headers, name: str) -> list[int]:
    return [index for index, (key, _) in enumerate(headers) if key.lower() == name]


def _add(headers: Headers, lines: list[int], name: str, value: str) -> None:
    """Add ``value`` to the first of the ``lines``, or in a line of ``name`` when there is none."""
    if not lines:
        headers.append((name, value))
        return
    key, former = headers[lines[0]]
    headers[lines[0]] = (key, f"{former}, {value}" if former else value)
