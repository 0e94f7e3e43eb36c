"""A request body: all of it, for one reader or for a hook and the app inside; and then none."""

from __future__ import annotations

import errno
import io
from tempfile import SpooledTemporaryFile
from typing import IO
from wsgiref.types import WSGIEnvironment

from werkzeug.wsgi import LimitedStream, get_content_length, get_input_stream

from .environ import CONTEXT
from .errors import ClientDisconnected

_IN_MEMORY = 500_000  # bytes, as werkzeug keeps form parts; more goes to a temporary file


class _Recorder:
    """Reads the body once, as far as somebody asked, and keeps what it read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._kept = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._length = 0

    def read(self, start: int, size: int) -> bytes:
        if start == self._length:
            self._kept.seek(start)
            self._length += self._kept.write(self._source.read(size))
        self._kept.seek(start)
        return self._kept.read(size)

    def close(self) -> None:
        self._kept.close()


class _Reader(io.RawIOBase):
    """One reader's place in the body."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._recorder.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._recorder.close()
        super().close()


class _AsSent(LimitedStream):
    """Ends where the body does, and raises nothing of its own: that is for whoever reads it."""

    def on_disconnect(self, error: Exception | None = None) -> None:
        if error is not None:
            raise error


class _Whole(LimitedStream):
    """Takes a body that ends early for what it is, which gunicorn's own input hides."""

    def __init__(self, environ: WSGIEnvironment, length: int) -> None:
        super().__init__(environ["wsgi.input"], length)
        self._context = environ.get(CONTEXT)

    def on_disconnect(self, error: Exception | None = None) -> None:
        if error is not None:
            raise error
        gone = ClientDisconnected(errno.ECONNRESET, "the client left before it had sent all")
        if self._context is not None:
            self._context.disconnection = gone
        raise gone


def whole_input(environ: WSGIEnvironment, max_content_length: int | None) -> IO[bytes]:
    """The body, to be read by a view or a hook, which get all of it or an error.

    :raises werkzeug.exceptions.RequestEntityTooLarge: it is longer than ``max_content_length``.
    """
    source = get_input_stream(environ, max_content_length=max_content_length)
    length = get_content_length(environ)
    if length is None or "wsgi.input_terminated" not in environ:
        return source
    return _Whole(environ, length)  # type: ignore[return-value]


def input_as_sent(environ: WSGIEnvironment) -> IO[bytes]:
    """The server's ``wsgi.input``, which ends with the body (PEP 3333, "Input and Error Streams").

    The app inside must find what it would find without a layer around it, an early end too.
    """
    source = get_input_stream(environ)
    if isinstance(source, LimitedStream):
        return _AsSent(environ["wsgi.input"], source.limit)  # type: ignore[return-value]
    return source


class EndedInput(io.RawIOBase):
    """Stands for the body of a request that is over, for a thread that comes late."""

    def read(self, size: int = -1) -> bytes:
        raise RuntimeError(
            "The body of this request was not read before the request ended.\n\nRead it, by "
            "request.get_data() or request.form, before the request is handed to a thread."
        )


def reread(source: IO[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Return two files that each give the whole of ``source``, whoever reads first.

    Nothing is read before one of them is. Closing either ends both.
    """
    recorder = _Recorder(source)
    ours, theirs = _Reader(recorder), _Reader(recorder)
    return io.BufferedReader(ours), io.BufferedReader(theirs)
