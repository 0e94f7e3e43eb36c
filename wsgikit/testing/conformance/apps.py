"""What hostile apps are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from .server import MARKER, Headers


class Broken(Exception):
    """What the apps raise."""


class Interrupt(KeyboardInterrupt):
    """As from the keyboard, and told from it."""


class Exit(SystemExit):
    """As a worker's signal handler raises it."""


class Kill(BaseException):
    """As greenlets, coroutines and test tools raise their own."""


def headers_of(environ: WSGIEnvironment, *others: tuple[str, str]) -> Headers:
    """The headers by which a response is told from those to other requests."""
    return [("Content-Type", "text/plain"), ("X-Marker", environ[MARKER]), *others]


def start(
    environ: WSGIEnvironment, start_response: StartResponse, status: str = "200 OK"
) -> Callable[[bytes], object]:
    """Start an ordinary response."""
    return start_response(status, headers_of(environ))


class Body:
    """An iterable with a ``close`` that its iterators have not.

    :param chunks: what it yields.
    :param error: raised in place of the chunk ``at``.
    :param close_error: raised by each ``close``.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        error: BaseException | None = None,
        at: int = 0,
        close_error: BaseException | None = None,
    ) -> None:
        self.chunks = chunks
        self.error = error
        self.at = at
        self.close_error = close_error
        self.iterated = 0
        self.pulled = 0
        self.closed = 0
        self.pulled_after_close = False

    def __iter__(self) -> Iterator[bytes]:
        self.iterated += 1
        return _Chunks(self)

    def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error


class _Chunks:
    """One iteration of a body. It has no ``close``, as a generator would."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.chunks = iter(body.chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        body = self.body
        body.pulled_after_close |= body.closed > 0
        if body.error is not None and body.pulled == body.at:
            raise body.error
        chunk = next(self.chunks)
        body.pulled += 1
        return chunk
