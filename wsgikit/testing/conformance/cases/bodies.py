"""What an app may return, and what must arrive of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Body, headers_of, start
from ..bench import Bench
from ..case import case
from ..clean_context import clean_context
from ..server import FileWrapper
from ..violation import expect

_STREAMS = 'PEP 3333, "Buffering and Streaming"'
_BOUNDARIES = 'PEP 3333, "Middleware Handling of Block Boundaries"'
_LENGTH = 'PEP 3333, "Handling the Content-Length Header"'
_CLOSE = 'PEP 3333, "Specification Details" on close()'
_FILES = 'PEP 3333, "Optional Platform-Specific File Handling"'


def _returning(make: Callable[[], Iterable[bytes]]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return make()

    return app


def _keeps_length(bench: Bench, body: list[bytes] | tuple[bytes, ...]) -> None:
    exchange = bench.passes(_returning(lambda: body), body)
    expect(exchange.count == len(body) or bench.rewrites_body, f"hid the length of {body!r}")


@case(_LENGTH, lint=False)
def one_item_list(bench: Bench) -> None:
    """A list of one chunk keeps its len(), from which servers derive Content-Length."""
    _keeps_length(bench, [b"one"])


@case(_LENGTH, lint=False)
def list_of_chunks(bench: Bench) -> None:
    """A list keeps its len(), and each of its chunks."""
    _keeps_length(bench, [b"one", b"two", b"three"])


@case(_LENGTH, lint=False)
def tuple_of_chunks(bench: Bench) -> None:
    """A tuple is as good as a list."""
    _keeps_length(bench, (b"one", b"two"))


@case(_LENGTH, lint=False)
def empty_list(bench: Bench) -> None:
    """An empty list is a body without a chunk."""
    _keeps_length(bench, [])


@case(_LENGTH)
def content_length(bench: Bench) -> None:
    """The app's Content-Length goes on, and is the length of what is sent."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers_of(environ, ("Content-Length", "6")))
        return [b"one", b"two"]

    bench.passes(app, [b"one", b"two"])


@case(_CLOSE)
def generator(bench: Bench) -> None:
    """A generator is closed when the request is over, not when it happens to be collected."""
    left: list[Iterator[bytes]] = []
    ends: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        try:
            start(environ, start_response)
            yield b"one"
        finally:
            ends.append("closed")

    def kept(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        left.append(app(environ, start_response))
        return left[-1]

    exchange = bench.exchange(kept)
    exchange.open()
    exchange.pull()
    exchange.close()
    expect(ends == ["closed"], "left the app's generator open")


@case(_STREAMS)
def iterator_without_close(bench: Bench) -> None:
    """An iterator without close() is a body too."""
    bench.passes(_returning(lambda: map(bytes.upper, [b"one", b"two"])), [b"ONE", b"TWO"])


@case(_CLOSE)
def close_on_the_iterable(bench: Bench) -> None:
    """close() belongs to the iterable that the app returned, not to its iterator, and is called
    exactly once however the request ends.
    """
    bench.passes(_returning(lambda: bench.body([b"one", b"two"])), [b"one", b"two"])


@case(_STREAMS, lint=False)
def iterated_once(bench: Bench) -> None:
    """The app's iterable is iterated once: a second iteration would run the app's work again."""
    body = Body([b"one", b"two"])
    bench.passes(_returning(lambda: body), [b"one", b"two"])
    expect(body.iterated == 1, f"iterated the app's iterable {body.iterated} times")


@case(_BOUNDARIES)
def chunks_as_they_are(bench: Bench) -> None:
    """Each chunk of a stream goes on as one chunk, an empty one too: none is merged with others,
    split or left out.
    """
    chunks = [b"one", b"", b"two", b"three" * 10_000]
    bench.passes(_returning(lambda: bench.body(chunks)), chunks)


@case(_BOUNDARIES)
def one_chunk_ahead(bench: Bench) -> None:
    """A chunk is asked of the app when the server asks for one, or at most one chunk earlier: a
    stream must not wait for its end.
    """
    body = bench.body([b"one", b"two", b"three", b"four"])
    exchange = bench.exchange(_returning(lambda: body))
    with clean_context():
        exchange.open()
        expect(body.pulled <= 1, f"pulled {body.pulled} chunks before the server asked for one")
        for asked in range(1, 4):
            exchange.pull()
            ahead = body.pulled - asked
            expect(ahead <= 1, f"was {ahead} chunks ahead of the server")
        exchange.close()


@case(_FILES, lint=False)
def file_wrapper(bench: Bench) -> None:
    """What the server's own wsgi.file_wrapper made is returned as that object, or the server
    cannot use sendfile; close() of it closes the file, once.
    """
    file = _File(b"a file")
    exchange = bench.exchange(_returning(lambda: FileWrapper(file)))
    with clean_context():
        exchange.open()
        kept = isinstance(exchange.body, FileWrapper)
        expect(kept or bench.rewrites_body, "hid the server's file wrapper")
        exchange.finish()
        exchange.close()
    bench.expect_response(exchange, [b"a file"])
    expect(file.closings == 1, f"closed the app's file {file.closings} times")


@case(_FILES)
def no_file_wrapper(bench: Bench) -> None:
    """A server need not have a wsgi.file_wrapper."""
    exchange = bench.exchange(_returning(lambda: [b"no file"]))
    del exchange.environ["wsgi.file_wrapper"]
    exchange.serve()
    bench.expect_response(exchange, [b"no file"])


class _File(io.BytesIO):
    closings = 0

    def close(self) -> None:
        self.closings += 1
        super().close()
