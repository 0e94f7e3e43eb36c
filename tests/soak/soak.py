"""Serves many requests through the standard chain and prints, as JSON, what they left behind.

A process of its own, so that nothing but the requests moves its memory:

    python tests/soak/soak.py <requests> [<bytes to keep of each>]
"""

import ctypes
import gc
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from wsgikit import App, g, request, session
from wsgikit.middleware import standard

PATHS = {3: "/error", 23: "/stream-error", 43: "/teardown-error", 63: "/left"}
"""One request in a hundred each; of the others, every second is streamed."""
OUTCOMES = {"/error": "Fault", "/stream-error": "Fault", "/left": "ClientDisconnected"}

app = App("soak", config={"SECRET_KEY": "only for tests"})
app.logger.addHandler(logging.StreamHandler(Path(os.devnull).open("w")))  # noqa: SIM115
app.logger.propagate = False
ended: list[tuple[str, str | None]] = []
"""The ends of the request under way, and what each was told."""
kept: list[bytes] = []


class Fault(Exception):
    """What goes wrong on purpose."""


def note(end: str, outcome: BaseException | None) -> None:
    ended.append((end, None if outcome is None else type(outcome).__name__))


def connection() -> Iterator[bytes]:
    try:
        yield bytes(100)
    except BaseException as outcome:
        note("provider", outcome)
        raise
    note("provider", None)


@app.before_request
def touch() -> None:
    session["visits"] = session.get("visits", 0) + 1
    g.text = request.path * 10
    g.connection  # noqa: B018 - opened by the look


@app.teardown_request
def end_request(outcome: BaseException | None) -> None:
    note("request", outcome)
    if request.path == "/teardown-error":
        raise Fault


@app.teardown_appcontext
def end_app_context(outcome: BaseException | None) -> None:
    note("app context", outcome)


@app.get("/plain")
@app.get("/teardown-error", endpoint="teardown-error")
def plain() -> str:
    return g.text


@app.get("/error")
def error() -> str:
    raise Fault


@app.get("/stream")
@app.get("/left", endpoint="left")
def stream() -> Iterator[str]:
    for _ in range(3):
        yield g.text


@app.get("/stream-error")
def stream_error() -> Iterator[str]:
    yield g.text
    raise Fault


def serve(chain: Any, path: str, cookie: str) -> str:
    """Serve one request as a server does; return the cookie for the next one."""
    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_COOKIE": cookie}
    setup_testing_defaults(environ)
    started: list[tuple[str, str]] = []
    body = chain(environ, lambda status, headers, exc_info=None: started.extend(headers))
    try:
        for _ in body:
            if path == "/left":
                break
    finally:
        body.close()
    return dict(started).get("Set-Cookie", cookie).partition(";")[0]


def resident() -> int:
    """The bytes that this process has resident (``VmRSS``, proc(5)), without what is free."""
    gc.collect()
    with suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024


def soak(requests: int, bytes_to_keep: int) -> dict[str, Any]:
    chain, cookie = standard(app, g={"connection": connection}), ""
    kinds: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    before, started = 0, time.monotonic()
    for number in range(requests):
        if number == requests // 10:
            before = resident()
        path = PATHS.get(number % 100) or ("/stream" if number % 2 else "/plain")
        with suppress(Exception):  # a server logs it and cuts the connection
            cookie = serve(chain, path, cookie)
        kept.append(bytes(bytes_to_keep)) if bytes_to_keep else None
        kinds[path] += 1
        ends.update(end for end, _ in ended)
        outcome = OUTCOMES.get(path)
        if ended != [("request", outcome), ("app context", outcome), ("provider", outcome)]:
            wrong[f"{path}: {ended}"] += 1
        ended.clear()
    seconds = time.monotonic() - started
    report = {"requests": requests, "seconds": round(seconds, 1)}
    report |= {"before": before, "after": resident()}
    return {**report, "kinds": kinds, "ends": ends, "wrong": wrong}


if __name__ == "__main__":
    json.dump(soak(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0), sys.stdout)
