"""The write() that start_response returns."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from ..apps import start
from ..bench import Bench
from ..case import case
from ..violation import expect

_WRITE = 'PEP 3333, "The write() Callable"'


@case(_WRITE)
def alone(bench: Bench) -> None:
    """start_response returns a write() that sends; the app may send all of its body with it."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start(environ, start_response)
        write(b"written ")
        write(b"twice")
        return []

    bench.passes(app, [b"written ", b"twice"])


@case(_WRITE)
def before_the_iterable(bench: Bench) -> None:
    """What was written is sent before what the app returns."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)(b"written ")
        return bench.body([b"and ", b"returned"])

    bench.passes(app, [b"written ", b"and ", b"returned"])


@case(_WRITE)
def at_once(bench: Bench) -> None:
    """What is written is on its way when write() returns, not when the app is done."""
    arrived: list[bool] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start(environ, start_response)
        write(b"now")
        arrived.append(bool(exchange.chunks))
        return []

    exchange = bench.exchange(app)
    exchange.serve()
    bench.expect_response(exchange, [b"now"])
    expect(arrived == [True], "kept what was written until the app was done")


@case(_WRITE)
def to_nobody(bench: Bench) -> None:
    """What the server's write() raises when the client is gone is raised by the app's."""
    reached: list[BaseException] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start(environ, start_response)
        write(b"one")
        try:
            write(b"two")
        except BrokenPipeError as error:
            reached.append(error)
            raise
        return []

    exchange = bench.exchange(app)
    exchange.leaves_at = 1
    exchange.serve()
    is_own = isinstance(exchange.error, BrokenPipeError)
    expect(is_own, f"made {exchange.outcome} of the server's BrokenPipeError")
    expect(reached, "kept the server's BrokenPipeError from the app")
