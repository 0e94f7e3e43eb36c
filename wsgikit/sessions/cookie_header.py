"""The values of a cookie in a request's Cookie header (RFC 6265, section 4.2)."""

from __future__ import annotations

from itertools import islice

from werkzeug.sansio.http import parse_cookie

from .chunks import join

MAX_VALUES = 8
"""Cookies of one name that are looked at: a subdomain can set some beside ours, not any number."""


def find_values(name: str, header: str, *, max_chunks: int) -> list[str]:
    """The values that the cookie may have, as ``chunks.join`` puts them together.

    One plain cookie of the name is found in the text; the header is parsed only for what is
    quoted, in several cookies, or anything else that browsers seldom send.
    """
    value = _find_plain(name, header)
    if value is not None:
        return [value]
    # werkzeug.http's parser raises for bytes that are no UTF-8, in whosever cookie they are.
    return [*islice(join(name, parse_cookie(header), max_chunks=max_chunks), MAX_VALUES)]


def _find_plain(name: str, header: str) -> str | None:
    """The one cookie's value; None if another look is needed to tell what there is."""
    if '"' in header or header.count(name) > 1:  # a quoted value may hold what looks like a cookie
        return None
    before, found, after = header.partition(f"{name}=")
    value = after.partition(";")[0]
    if not found or (before and not before.endswith("; ")):
        return None
    is_plain = not (" " in value or "\t" in value or "*" in value)  # "*" is in the first chunk
    return value if is_plain else None
