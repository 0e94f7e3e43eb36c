"""Requests within requests, beside each other and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Barrier, BrokenBarrierError
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Broken, start
from ..bench import Bench
from ..case import case
from ..clean_context import clean_context
from ..server import MARKER, Exchange
from ..violation import expect

_BOTH_SIDES = 'PEP 3333, "Middleware: Components that Play Both Sides"'
_THREADS = 'PEP 3333, "Thread Support"'
_AT_ONCE = 8
_outer: ContextVar[str] = ContextVar("outer")
_GUARD = 60  # seconds that a deadlock lasts before it is reported; else nobody waits


def _echo(bench: Bench) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return bench.body(_echoed(environ[MARKER]))

    return app


def _echoed(marker: str) -> list[bytes]:
    return [marker.encode(), b"one", b"two"]


@case(_BOTH_SIDES)
def around_itself(bench: Bench) -> None:
    """A middleware may be in a chain twice."""
    exchange = bench.request(bench.wrap(_echo(bench), times=2), bench.environ())
    exchange.serve()
    bench.expect_response(exchange, _echoed(exchange.marker))


@case(_BOTH_SIDES)
def within_itself(bench: Bench) -> None:
    """An app may call the chain that it is in for another request, and has its own context again
    afterwards.
    """
    _expect_sub_request(bench, copies=False)


@case(_BOTH_SIDES)
def within_itself_by_a_copy(bench: Bench) -> None:
    """An app may call the chain that it is in with a copy of its own environ, in which the
    middleware's keys are.
    """
    _expect_sub_request(bench, copies=True)


def _expect_sub_request(bench: Bench, *, copies: bool) -> None:
    inner: list[Exchange] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/inner":
            fresh = bench.environ({"PATH_INFO": "/inner"})
            if copies:
                fresh = {**environ, MARKER: fresh[MARKER], "PATH_INFO": "/inner"}
            inner.append(bench.request(wrapped, fresh))
            inner[-1].serve()
        return _echo(bench)(environ, start_response)

    wrapped = bench.wrap(app)
    outer = bench.request(wrapped, bench.environ())
    outer.serve()
    for exchange in (*inner, outer):
        bench.expect_response(exchange, _echoed(exchange.marker))


@case(_BOTH_SIDES)
def within_its_body(bench: Bench) -> None:
    """A body may call the chain that it is in between two of its chunks, and has its own context
    again afterwards.
    """
    inner: list[Exchange] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield b"before"
        if environ["PATH_INFO"] != "/inner":
            inner.append(bench.request(wrapped, bench.environ({"PATH_INFO": "/inner"})))
            inner[-1].serve()
        yield b"after"

    wrapped = bench.wrap(app)
    outer = bench.request(wrapped, bench.environ())
    outer.serve()
    for exchange in (*inner, outer):
        bench.expect_response(exchange, [b"before", b"after"])


@case(_BOTH_SIDES)
def internal_redirect(bench: Bench) -> None:
    """An app may answer with what the chain that it is in makes of another location, in a copy of
    the environ or in the same.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/inner":
            return _echo(bench)(environ, start_response)
        new = dict(environ) if environ["PATH_INFO"] == "/copying" else environ
        new["PATH_INFO"] = "/inner"
        return wrapped(new, start_response)

    wrapped = bench.wrap(app)
    for path in ("/copying", "/in-place"):
        exchange = bench.request(wrapped, bench.environ({"PATH_INFO": path}))
        exchange.serve()
        del bench.calls[exchange.marker][:1]  # the call that redirected
        bench.expect_response(exchange, _echoed(exchange.marker))


@case("PEP 567")
def variables_of_outer_layers(bench: Bench) -> None:
    """What layers outside keep in context variables, the app and its body see."""
    seen: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        seen.append(_outer.get("nothing"))
        start(environ, start_response)
        yield b"seen"
        seen.append(_outer.get("nothing"))

    _outer.set("something")  # in the copy of the context that each case runs in
    bench.passes(app, [b"seen"])
    expect(seen == ["something"] * 2, f"hid a context variable: the app saw {seen}")


@case(_BOTH_SIDES)
def interleaved(bench: Bench) -> None:
    """Two responses may be open in one thread, their chunks taken in turns, and the first may be
    closed before the second.
    """
    wrapped = bench.wrap(_echo(bench))
    exchanges = [bench.request(wrapped, bench.environ()) for _ in range(2)]
    with clean_context():
        for step in (Exchange.open, Exchange.pull, Exchange.pull, Exchange.finish, Exchange.close):
            for exchange in exchanges:
                step(exchange)
    for exchange in exchanges:
        bench.expect_response(exchange, _echoed(exchange.marker))


@case(_BOTH_SIDES)
def retried(bench: Bench) -> None:
    """A layer outside may call the chain a second time with the same environ, after an error."""
    attempts: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        attempts.append(environ[MARKER])
        if len(attempts) == 1:
            raise Broken("the first attempt")
        return _echo(bench)(environ, start_response)

    wrapped, environ = bench.wrap(app), bench.environ()
    bench.request(wrapped, environ).serve()
    bench.calls.clear()
    second = bench.request(wrapped, environ)
    second.serve()
    bench.expect_response(second, _echoed(second.marker))


@case(_THREADS, lint=False)
def threads(bench: Bench) -> None:
    """Requests in several threads at once each get their own response: nothing of a request is
    kept on the middleware.
    """
    wrapped = bench.wrap(_late_echo(bench))
    exchanges = [bench.request(wrapped, bench.environ()) for _ in range(_AT_ONCE)]
    barrier = Barrier(_AT_ONCE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(_serve_in_step, exchange, barrier) for exchange in exchanges]
    failures = [future.exception() for future in futures]
    causes = [each for each in failures if not isinstance(each, BrokenBarrierError | None)]
    if causes:
        raise causes[0]
    expect(not any(failures), "let a request wait for the end of another")
    for exchange in exchanges:
        bench.expect_response(exchange, _echoed(exchange.marker))


def _late_echo(bench: Bench) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield from _echoed(environ[MARKER])

    return app


def _serve_in_step(exchange: Exchange, barrier: Barrier) -> None:
    try:
        with clean_context():
            for step in (exchange.open, exchange.pull, exchange.finish, exchange.close):
                barrier.wait(_GUARD)
                step()
    except BaseException:
        barrier.abort()
        raise
