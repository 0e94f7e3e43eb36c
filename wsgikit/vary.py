"""The Vary header (RFC 9110, section 12.5.5)."""

from __future__ import annotations

from werkzeug.http import parse_set_header

from .lifecycle import Headers


def add_vary(headers: Headers, name: str) -> None:
    """Say in ``headers`` that the response depends on the request header ``name``, once."""
    for index, (key, value) in enumerate(headers):
        if key.lower() == "vary":
            names = parse_set_header(value)
            if name not in names and "*" not in names:
                headers[index] = (key, f"{value}, {name}" if value else name)
            return
    headers.append(("Vary", name))
