"""Bodies larger than what a process may keep of them."""

from __future__ import annotations

import gc
import io
import tracemalloc
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from wsgiref.types import StartResponse, WSGIEnvironment

from ..apps import start
from ..bench import Bench
from ..case import case
from ..streams import Zeros
from ..violation import expect

_STREAMS = 'PEP 3333, "Buffering and Streaming"'
_MIB = 1024 * 1024
_PIECE = 256 * 1024  # bytes
_LENGTH = 100 * _MIB
_CAP = 8 * _MIB


@contextmanager
def _capped(what: str) -> Iterator[None]:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    used = peak - before
    expect(used < _CAP, f"took {used // _MIB} MiB of memory for {what} of {_LENGTH // _MIB} MiB")


@case('PEP 3333, "Specification Details" on close()', lint=False)
def nothing_kept(bench: Bench) -> None:
    """When the body is closed the request is over: nothing keeps its environ, so that the memory
    of a process does not grow with its requests.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield b"over"

    wrapped = bench.wrap(app)  # lives as long as the server's process
    exchange = bench.request(wrapped, bench.environ())
    value = exchange.environ["another.layer"] = _Value()
    reference = weakref.ref(value)
    exchange.serve()
    bench.expect_response(exchange, [b"over"])
    del value, exchange
    bench.forget()
    gc.collect()
    expect(reference() is None, "kept the environ of a request that is over")


class _Value:
    """Something in the environ."""


@case(_STREAMS, lint=False)
def large_response(bench: Bench) -> None:
    """A response of 100 MiB, made in pieces, takes less than 8 MiB of memory."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        for _ in range(_LENGTH // _PIECE):
            yield bytes(_PIECE)

    exchange = bench.exchange(app)
    with _capped("a response"):
        exchange.open()
        while exchange.pull():
            exchange.chunks.clear()
        exchange.close()
    arrived = exchange.length == _LENGTH or bench.rewrites_body
    expect(arrived, f"sent {exchange.length} of {_LENGTH} bytes")


@case(_STREAMS, lint=False)
def large_upload(bench: Bench) -> None:
    """An upload of 100 MiB, read in pieces, takes less than 8 MiB of memory."""
    got: list[int] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        pieces = iter(lambda: environ["wsgi.input"].read(_PIECE), b"")
        got.append(sum(map(len, pieces)))
        start(environ, start_response)
        return [b"read"]

    values = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/octet-stream",
        "CONTENT_LENGTH": str(_LENGTH),
        "wsgi.input": io.BufferedReader(Zeros(_LENGTH), _PIECE),
    }
    with _capped("an upload"):
        bench.passes(app, [b"read"], values)
    expect(got == [_LENGTH], f"let the app read {got[0]} of {_LENGTH} bytes")
