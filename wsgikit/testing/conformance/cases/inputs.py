"""What an app reads of the request's body."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import start
from ..bench import Bench
from ..case import case
from ..streams import Broken, Upload
from ..violation import expect

_INPUT = 'PEP 3333, "Input and Error Streams"'

_SENT = b"first line\nsecond line\nthe rest" + bytes(range(256)) * 100


def _reading(read: Callable[[Any], object], got: list[object]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        got.append(read(environ["wsgi.input"]))
        start(environ, start_response)
        return [b"read"]

    return app


def _post(stream: IO[bytes], length: int | None = None) -> dict[str, Any]:
    declared = {} if length is None else {"CONTENT_LENGTH": str(length)}
    content_type = "application/octet-stream"
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "wsgi.input": stream,
        **declared,
    }


def _read_all(stream: IO[bytes]) -> bytes:
    return b"".join(iter(lambda: stream.read(1000), b""))


def _expect_read(bench: Bench, read: Callable[[Any], object], expected: object) -> None:
    got: list[object] = []
    bench.passes(_reading(read, got), [b"read"], _post(Upload(_SENT), len(_SENT)))
    expect(got == [expected], "let the app read something else than what was sent")


@case(_INPUT)
def read_whole(bench: Bench) -> None:
    """An app reads exactly what was sent."""
    _expect_read(bench, lambda stream: stream.read(len(_SENT)), _SENT)


@case(_INPUT)
def read_in_pieces(bench: Bench) -> None:
    """An app may read the body piece by piece."""
    _expect_read(bench, _read_all, _SENT)


@case(_INPUT)
def read_by_lines(bench: Bench) -> None:
    """An app may use readline(), readlines() and iteration."""
    lines = list(io.BytesIO(_SENT))
    _expect_read(bench, lambda stream: [stream.readline(), *stream.readlines()], lines)
    _expect_read(bench, list, lines)


@case(_INPUT)
def read_again(bench: Bench) -> None:
    """Once the body has been read, there is nothing more: b"", and no error."""
    _expect_read(bench, lambda stream: [_read_all(stream), stream.read(1000)], [_SENT, b""])


@case("RFC 9110, 10.1.1")
def left_unread(bench: Bench) -> None:
    """A body that the app does not read is not read in its place: a client that asked first
    would be told to send it.
    """
    upload = Upload(_SENT)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return [b"unread"]

    bench.passes(app, [b"unread"], _post(upload, len(_SENT)))
    expect(upload.reads == 0, f"read {upload.tell()} bytes of a body that the app left unread")


@case(_INPUT)
def unreadable(bench: Bench) -> None:
    """The OSError of a client that is gone is raised where the app reads, and nowhere else."""
    error = OSError("the client is gone")
    raised: list[object] = []

    def read(stream: IO[bytes]) -> None:
        try:
            stream.read(1)
        except OSError as reason:
            raised.append(reason)

    bench.passes(_reading(read, []), [b"read"], _post(_unreadable(error), 100))
    expect(raised == [error], f"made {raised} of the error in the app's read()")


def _unreadable(error: OSError) -> IO[bytes]:
    return io.BufferedReader(Broken(error))


@case(_INPUT)
def shorter_than_declared(bench: Bench) -> None:
    """A body that ends before its Content-Length ends for the app as it does for the server."""
    got: list[object] = []
    bench.passes(_reading(_read_all, got), [b"read"], _post(Upload(_SENT), len(_SENT) + 100))
    expect(got == [_SENT], "let the app read something else than what was sent")


@case(_INPUT)
def of_unknown_length(bench: Bench) -> None:
    """A body without Content-Length, such as a chunked one, is there to be read where the server
    ends it (wsgi.input_terminated).
    """
    got: list[object] = []
    values = {**_post(Upload(_SENT)), "wsgi.input_terminated": True}
    bench.passes(_reading(_read_all, got), [b"read"], values)
    expect(got == [_SENT], "let the app read something else than what was sent")
