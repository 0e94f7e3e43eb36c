"""What an app reads of the request's body."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from itertools import product
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import start
from ..bench import Bench
from ..case import case
from ..contents import BYTES, FORM, JSON, MULTIPART, Content
from ..streams import Broken, Upload
from ..violation import expect

_INPUT = 'PEP 3333, "Input and Error Streams"'

# As gunicorn has it, whatever the request.
_TERMINATED: dict[str, Any] = {"wsgi.input_terminated": True}
_CHUNKED: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", **_TERMINATED}

_Read = Callable[[WSGIEnvironment], object]


def _reading(read: _Read, got: list[object]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        got.append(read(environ))
        start(environ, start_response)
        return [b"read"]

    return app


def _post(stream: IO[bytes], content: Content, length: int | None = None) -> dict[str, Any]:
    declared = {} if length is None else {"CONTENT_LENGTH": str(length)}
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content.type,
        "wsgi.input": stream,
        **declared,
    }


def _read_all(environ: WSGIEnvironment) -> bytes:
    return b"".join(iter(lambda: environ["wsgi.input"].read(1000), b""))


def _read_as_told(environ: WSGIEnvironment) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        return environ["wsgi.input"].read(int(length))  # type: ignore[no-any-return]
    return _read_all(environ) if environ.get("wsgi.input_terminated") else b""


def _expect_read(bench: Bench, read: _Read, expected: Callable[[bytes], object]) -> None:
    for content in (BYTES, FORM, MULTIPART, JSON):
        values = _post(Upload(content.body), content, len(content.body))
        _expect_got(bench, read, values, expected(content.body), f" as {content}")


def _expect_got(
    bench: Bench, read: _Read, values: dict[str, Any], expected: object, how: str = ""
) -> None:
    got: list[object] = []
    bench.passes(_reading(read, got), [b"read"], values)
    expect(got == [expected], f"let the app read something else than what was sent{how}")


@case(_INPUT)
def read_whole(bench: Bench) -> None:
    """An app reads exactly what was sent."""
    _expect_read(bench, _read_as_told, bytes)


@case(_INPUT)
def read_in_pieces(bench: Bench) -> None:
    """An app may read the body piece by piece."""
    _expect_read(bench, _read_all, bytes)


@case(_INPUT)
def read_by_lines(bench: Bench) -> None:
    """An app may use readline(), readlines() and iteration."""

    def read(environ: WSGIEnvironment) -> list[bytes]:
        stream = environ["wsgi.input"]
        return [stream.readline(), *stream.readlines()]

    def lines(body: bytes) -> list[bytes]:
        return list(io.BytesIO(body))

    _expect_read(bench, read, lines)
    _expect_read(bench, lambda environ: list(environ["wsgi.input"]), lines)


@case(_INPUT)
def read_again(bench: Bench) -> None:
    """Once the body has been read, there is nothing more: b"", and no error."""

    def read(environ: WSGIEnvironment) -> list[bytes]:
        return [_read_all(environ), environ["wsgi.input"].read(1000)]

    _expect_read(bench, read, lambda body: [body, b""])


@case(_INPUT, lint=False)  # validators forbid read(), which a terminated input allows
def form(bench: Bench) -> None:
    """A form is the app's to read, also when the middleware has read it: sent by POST, PUT and
    PATCH, with a Content-Length, with that and wsgi.input_terminated, and in chunks.
    """
    _expect_each_way(bench, FORM)


@case(_INPUT, lint=False)
def multipart_form(bench: Bench) -> None:
    """A form with files is the app's to read, also when the middleware has read it: sent by the
    same methods and in the same ways.
    """
    _expect_each_way(bench, MULTIPART)


@case(_INPUT, lint=False)
def json(bench: Bench) -> None:
    """JSON is the app's to read, also when the middleware has read it: sent by the same methods
    and in the same ways.
    """
    _expect_each_way(bench, JSON)


def _expect_each_way(bench: Bench, content: Content) -> None:
    def read(environ: WSGIEnvironment) -> tuple[str | None, bytes]:
        return environ.get("CONTENT_TYPE"), _read_as_told(environ)

    length: dict[str, Any] = {"CONTENT_LENGTH": str(len(content.body))}
    ways = {
        "a Content-Length": length,
        "a Content-Length and wsgi.input_terminated": {**length, **_TERMINATED},
        "chunks": _CHUNKED,
    }
    for method, (way, framing) in product(("POST", "PUT", "PATCH"), ways.items()):
        values = {**_post(Upload(content.body), content), "REQUEST_METHOD": method, **framing}
        how = f" by {method} with {way} as {content}"
        _expect_got(bench, read, values, (content.type, content.body), how)


@case("RFC 9110, 10.1.1")
def left_unread(bench: Bench) -> None:
    """A body that the app does not read is not read in its place: a client that asked first
    would be told to send it.
    """
    upload = Upload(BYTES.body)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return [b"unread"]

    bench.passes(app, [b"unread"], _post(upload, BYTES, len(BYTES.body)))
    expect(upload.reads == 0, f"read {upload.tell()} bytes of a body that the app left unread")


@case(_INPUT)
def unreadable(bench: Bench) -> None:
    """The OSError of a client that is gone is raised where the app reads, and nowhere else."""
    error = OSError("the client is gone")
    raised: list[object] = []

    def read(environ: WSGIEnvironment) -> None:
        try:
            environ["wsgi.input"].read(1)
        except OSError as reason:
            raised.append(reason)

    bench.passes(_reading(read, []), [b"read"], _post(_unreadable(error), BYTES, 100))
    expect(raised == [error], f"made {raised} of the error in the app's read()")


def _unreadable(error: OSError) -> IO[bytes]:
    return io.BufferedReader(Broken(error))


@case(_INPUT)
def shorter_than_declared(bench: Bench) -> None:
    """A body that ends before its Content-Length ends for the app as it does for the server."""
    values = _post(Upload(BYTES.body), BYTES, len(BYTES.body) + 100)
    _expect_got(bench, _read_all, values, BYTES.body)


@case(_INPUT)
def of_unknown_length(bench: Bench) -> None:
    """A body without Content-Length, such as a chunked one, is there to be read where the server
    ends it (wsgi.input_terminated).
    """
    values = {**_post(Upload(BYTES.body), BYTES), **_CHUNKED}
    _expect_got(bench, _read_all, values, BYTES.body)
