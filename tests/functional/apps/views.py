"""The views that every little app has, written on wsgikit alone: no framework, one text each."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wsgikit import current_app, flash, g, get_flashed_messages, request, session

FILE = Path(inspect.__file__)
"""A file of several chunks that is on every machine."""

ETAG = '"v1"'
CHUNKS = (b"one\n", b"two\n", b"three\n")
PRODUCED = "functional.produced"
"""A client that puts a list here sees which chunks a stream has made so far."""


def seen() -> str:
    return json.dumps(
        {
            "method": request.method,
            "path": request.path,
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(flat=False),
            "app": current_app.name,
        }
    )


def count() -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


def look() -> str:
    return json.dumps(dict(session))


def nested() -> str:
    session.setdefault("cart", {"items": []})["items"].append("apple")
    return str(len(session["cart"]["items"]))


def forget() -> str:
    session.clear()
    return "forgotten"


def provided() -> str:
    return f"{g.db} {g.db} {g.site}"


def private() -> str:
    before = g.get("visitor")
    g.visitor = request.args["visitor"]
    return f"{before} {g.visitor}"


def flash_one() -> str:
    flash(f"from {request.args['sender']}", "info")
    return "flashed"


def flashed() -> str:
    return json.dumps(get_flashed_messages(with_categories=True))


PAGES: dict[str, Callable[[], str]] = {
    "/seen": seen,
    "/café": seen,
    "/日本": seen,
    "/count": count,
    "/look": look,
    "/nested": nested,
    "/forget": forget,
    "/provided": provided,
    "/private": private,
    "/flash": flash_one,
    "/flashed": flashed,
}
"""They answer GET and POST with text."""


def live(environ: dict[str, Any]) -> Iterator[bytes]:
    for number in range(3):
        line = f"{number} {request.path} {session.get('count')} {g.db} {current_app.name}\n"
        yield line.encode()


def broken(environ: dict[str, Any]) -> Iterator[bytes]:
    yield b"one\n"
    raise LookupError("the stream broke")


def stream(environ: dict[str, Any]) -> Iterator[bytes]:
    """No wsgikit in it, so it runs without the chain too."""
    for chunk in CHUNKS:
        environ.get(PRODUCED, []).append(chunk)
        yield chunk


STREAMS: dict[str, Callable[[dict[str, Any]], Iterator[bytes]]] = {
    "/live": live,
    "/broken": broken,
    "/stream": stream,
}


def fail() -> str:
    raise LookupError("the view failed")
