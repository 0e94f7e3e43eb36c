"""Clients that leave, and servers that close bodies when and where they like."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Body, start
from ..bench import Bench
from ..case import case
from ..clean_context import clean_context
from ..server import Exchange
from ..violation import expect

_CLOSE = 'PEP 3333, "Specification Details" on close()'
_THREADS = 'PEP 3333, "Thread Support"'

_CHUNKS = [b"one", b"two", b"three"]


def _streaming(make: Callable[[list[bytes]], Body]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return make(_CHUNKS)

    return app


def _serve_leaving(bench: Bench, app: WSGIApplication, *, at: int) -> None:
    exchange = bench.exchange(app)
    exchange.leaves_at = at
    exchange.serve()
    is_own = isinstance(exchange.error, BrokenPipeError)
    expect(is_own, f"made {exchange.outcome} of the server's BrokenPipeError")


def _run_in_thread(function: Callable[..., object], *args: Any) -> None:
    def run() -> None:
        with clean_context():
            function(*args)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@case(_CLOSE)
def leaves_before_the_first_chunk(bench: Bench) -> None:
    """When the first chunk cannot be sent, the server closes the body while it handles its
    BrokenPipeError: close() goes on to the app and raises nothing.
    """
    _serve_leaving(bench, _streaming(bench.body), at=0)


@case(_CLOSE)
def leaves_in_the_middle(bench: Bench) -> None:
    """When a later chunk cannot be sent, the server closes the body in the same way."""
    _serve_leaving(bench, _streaming(bench.body), at=2)


@case(_CLOSE)
def closes_early(bench: Bench) -> None:
    """A server may close a body that it has not read to the end, without any exception."""
    exchange = bench.exchange(_streaming(bench.body))
    with clean_context():
        exchange.open()
        exchange.pull()
        exchange.close()


@case(_CLOSE)
def never_iterates(bench: Bench) -> None:
    """A server may close a body without a look at it, as some do for HEAD."""
    exchange = bench.exchange(_streaming(bench.body))
    with clean_context():
        exchange.open()
        exchange.close()


@case(_CLOSE)
def closes_twice(bench: Bench) -> None:
    """A second close() by the server does no harm."""
    exchange = bench.exchange(_streaming(Body))
    with clean_context():
        exchange.serve()
        exchange.close()
    bench.expect_response(exchange, _CHUNKS)


@case(_CLOSE, lint=False)
def abandons(bench: Bench) -> None:
    """A body that the server drops without close() ends with its collection: without an error
    there, and with no context variable left changed. A ResourceWarning is in order.
    """
    wrapped = bench.wrap(_streaming(Body))
    with clean_context(), _unraisable() as errors:
        for pulls in (0, 1):
            exchange = bench.request(wrapped, bench.environ())
            exchange.open()
            for _ in range(pulls):
                exchange.pull()
            exchange.drop()
        gc.collect()
    expect(not errors, f"raised {errors} when an abandoned body was collected")


@contextmanager
def _unraisable() -> Iterator[list[BaseException | None]]:
    errors: list[BaseException | None] = []
    former, sys.unraisablehook = sys.unraisablehook, lambda info: errors.append(info.exc_value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            yield errors
    finally:
        sys.unraisablehook = former


@case(_THREADS)
def closes_in_another_thread(bench: Bench) -> None:
    """A server may close a body in another thread than the one that called the app."""
    exchange = bench.exchange(_streaming(bench.body))
    with clean_context():
        exchange.open()
        exchange.pull()
        _run_in_thread(exchange.close)


@case(_THREADS)
def closes_in_another_context(bench: Bench) -> None:
    """A server may close a body in another contextvars.Context: no token of the first is reset
    there.
    """
    exchange = bench.exchange(_streaming(bench.body))
    with clean_context():
        exchange.open()
        exchange.finish()
        copy_context().run(_close_cleanly, exchange)
    bench.expect_response(exchange, _CHUNKS)


def _close_cleanly(exchange: Exchange) -> None:
    with clean_context():
        exchange.close()


@case(_THREADS)
def pulls_in_several_threads(bench: Bench) -> None:
    """A server may take each chunk in another thread."""
    exchange = bench.exchange(_streaming(bench.body))
    with clean_context():
        exchange.open()
        for _ in _CHUNKS:
            _run_in_thread(exchange.pull)
        _run_in_thread(exchange.finish)
        exchange.close()
    bench.expect_response(exchange, _CHUNKS)
