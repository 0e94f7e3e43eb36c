"""Long bodies: of any size, endless, slow, in one piece, or of a file."""

import time
from collections.abc import Iterator
from pathlib import Path

import records
from teardowns import describe, record_teardowns

from wsgikit import App, g, request, send_file, session
from wsgikit.middleware import standard

CHUNK = 64 * 1024
LARGE_FILE = 1 << 28
"""Bytes; more than the two sockets' buffers hold."""

app = App("streams", config={"SECRET_KEY": "only for tests"})
record_teardowns(app)


def transaction() -> Iterator[str]:
    request_id = request.headers.get("X-Request-Id")
    try:
        yield "open"
    except BaseException as outcome:
        records.write("rollback", id=request_id, outcome=describe(outcome))
        raise
    records.write("commit", id=request_id)


def chunk(number: int) -> bytes:
    return bytes([number % 255 + 1]) * CHUNK  # not zeros, which need no memory of their own


@app.get("/generated")
def generated() -> Iterator[bytes]:
    session["name"] = request.headers["X-Request-Id"]
    g.name = request.headers["X-Request-Id"]
    for number in range(int(request.args["chunks"])):
        yield chunk(number)
    yield f"{request.path} {request.headers['X-Request-Id']} {session['name']} {g.name}".encode()


@app.get("/kept")
def kept() -> Iterator[bytes]:
    """The same, by a body that keeps what it has sent."""
    sent = []
    for number in range(int(request.args["chunks"])):
        sent.append(chunk(number))
        yield sent[-1]


@app.get("/endless")
def endless() -> Iterator[bytes]:
    g.transaction  # noqa: B018 - opened by the look
    while True:
        yield chunk(0)


@app.get("/slow")
def slow() -> Iterator[bytes]:
    g.transaction  # noqa: B018
    while True:
        yield b"tick\n"
        time.sleep(0.05)


@app.get("/one-piece")
def one_piece() -> bytes:
    g.transaction  # noqa: B018
    return bytes(64 << 20)


@app.get("/file")
def file() -> object:
    g.transaction  # noqa: B018
    path = Path(records.FOLDER, "large")
    with path.open("wb") as large:
        large.truncate(LARGE_FILE)
    return send_file(path)


@app.get("/short")
def short() -> str:
    g.transaction  # noqa: B018
    return "short"


application = standard(app, g={"transaction": transaction})
