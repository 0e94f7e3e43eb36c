"""A cookie's value in several cookies: ``name`` begins with their number, ``name.1`` goes on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import product

from werkzeug.datastructures import MultiDict

MAX_CHUNKS = 2
MOST_CHUNKS = 99  # which two digits can name
PIECE = 3500
"""Bytes of ``name=piece``. That leaves 593 of the 4093 that browsers keep for the attributes, and
of two pieces 1,180 of the 8,190 that gunicorn takes for all cookies of a request (nginx: 8 kB)."""

_FIRST = re.compile(r"([2-9]|[1-9]\d)\*(.*)", re.ASCII)


def split(
    name: str, value: str, *, max_chunks: int = MAX_CHUNKS, piece: int = PIECE
) -> dict[str, str] | None:
    """Return the values by cookie name, in order; None if more than ``max_chunks`` are needed.

    :param value: ASCII, and not beginning with a number and ``*``.
    :param max_chunks: at most ``MOST_CHUNKS``.
    :param piece: bytes of one cookie's name and value.
    """
    if len(f"{name}={value}") <= piece:
        return {name: value}
    pieces, start = [], 0
    while start < len(value):
        # Room for the name and the sign, the number of this piece or of all, and "." or "*".
        end = start + piece - len(f"{name}={max_chunks}*")
        pieces.append(value[start:end])
        start = end
    if len(pieces) > max_chunks:
        return None
    first, *others = pieces
    return {
        name: f"{len(pieces)}*{first}",
        **{f"{name}.{number}": other for number, other in enumerate(others, 1)},
    }


def join(name: str, cookies: MultiDict[str, str], *, max_chunks: int = MAX_CHUNKS) -> Iterator[str]:
    """Yield each value that a request's cookies may hold; none where a piece is missing.

    There are several when another site of the domain has set cookies of these names too. Take a
    few of them, and the first that the codec opens: there are as many as somebody likes.
    """
    for value in cookies.getlist(name):
        found = _FIRST.fullmatch(value)
        if found is None:
            yield value
        elif int(found[1]) <= max_chunks:
            others = [cookies.getlist(f"{name}.{number}") for number in range(1, int(found[1]))]
            yield from ("".join(pieces) for pieces in product([found[2]], *others))


def stale(name: str, cookies: MultiDict[str, str], written: Collection[str]) -> list[str]:
    """Return the names of pieces that the request brought, and that its response does not write.

    They are to be expired: else they go with each request, and into the next value of that length.
    """
    piece = re.compile(re.escape(name) + r"\.[1-9]\d?", re.ASCII)
    return [each for each in cookies if piece.fullmatch(each) and each not in written]
