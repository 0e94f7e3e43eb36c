"""Apps and bodies that raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Body, Broken, Exit, Interrupt, Kill, start
from ..bench import Bench
from ..carried import carried
from ..case import case
from ..violation import expect

_ERRORS = 'PEP 3333, "Error Handling"'
_CLOSE = 'PEP 3333, "Specification Details" on close()'


def _returning(body: Iterable[bytes]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return body

    return app


@case(_ERRORS)
def before_the_start(bench: Bench) -> None:
    """An error of an app that has not started a response reaches the server."""
    error = Broken("before the start")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise error

    bench.expect_error(bench.serve(app), error)


@case(_ERRORS)
def after_the_start(bench: Bench) -> None:
    """An error of an app that has started a response reaches the server."""
    error = Broken("after the start")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        raise error

    bench.expect_error(bench.serve(app), error)


@case(_ERRORS, lint=False)
def in_iter(bench: Bench) -> None:
    """An error of iter() on the app's iterable reaches the server, and close() is called."""
    error = Broken("in __iter__")
    body = bench.body([b"one"])

    class Uniterable:
        def __iter__(self) -> Iterator[bytes]:
            raise error

        def close(self) -> None:
            body.close()

    bench.expect_error(bench.serve(_returning(Uniterable())), error)


@case(_ERRORS)
def at_the_first_chunk(bench: Bench) -> None:
    """An error in place of the first chunk reaches the server, and close() is called."""
    error = Broken("at the first chunk")
    bench.expect_error(bench.serve(_returning(bench.body([b"one"], error=error))), error)


@case(_ERRORS)
def in_a_generator(bench: Bench) -> None:
    """An error of a generator that has not started a response reaches the server."""
    error = Broken("in a generator")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        yield from Body([], error=error)

    bench.expect_error(bench.serve(app), error)


@case(_ERRORS)
def at_a_later_chunk(bench: Bench) -> None:
    """An error after a chunk was sent reaches the server, which cuts the connection: the client
    must not take half a body for the whole. close() is called.
    """
    error = Broken("at the third chunk")
    body = bench.body([b"one", b"two", b"three"], error=error, at=2)
    exchange = bench.serve(_returning(body))
    bench.expect_raised(exchange, error)
    bench.expect_start(exchange)
    if not bench.rewrites_body:
        expect(exchange.chunks == [b"one", b"two"], f"sent {exchange.chunks} before the error")


@case(_ERRORS)
def after_write(bench: Bench) -> None:
    """An error after a chunk was sent by write() reaches the server too."""
    error = Broken("after write")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)(b"written")
        raise error

    bench.expect_raised(bench.serve(app), error)


@case(_CLOSE)
def in_close(bench: Bench) -> None:
    """An error in close() reaches the server, and close() is not tried again."""
    error = Broken("in close")
    body = bench.body([b"one", b"two"], close_error=error)
    bench.expect_raised(bench.serve(_returning(body)), error)


@case(_CLOSE)
def in_close_after_another(bench: Bench) -> None:
    """Of an error in the body and one in close() none is lost: one carries the other, as its
    context or in a group.
    """
    for at in (0, 1):
        errors = Broken("in the body"), Broken("in close")
        body = bench.body([b"one", b"two"], error=errors[0], at=at, close_error=errors[1])
        exchange = bench.serve(_returning(body))
        if bench.answers_errors and at == 0:
            bench.expect_answer(exchange)
            continue
        lost = [error for error in errors if error not in carried(exchange.error)]
        expect(not lost, f"lost {lost} and made {exchange.outcome} of both")


@case(_ERRORS)
def interrupts(bench: Bench) -> None:
    """KeyboardInterrupt, SystemExit and other BaseExceptions are no errors of the app: they pass
    as they are.
    """
    for error in (Interrupt("stop"), Exit("stop"), Kill("stop")):

        def app(
            environ: WSGIEnvironment,
            start_response: StartResponse,
            error: BaseException = error,
        ) -> Iterable[bytes]:
            raise error

        bench.expect_raised(bench.serve(app), error)


@case(_ERRORS)
def interrupts_in_the_body(bench: Bench) -> None:
    """KeyboardInterrupt, SystemExit and other BaseExceptions pass as they are out of a body, at its
    first chunk and later; close() is called.
    """
    for error in (Interrupt("stop"), Exit("stop"), Kill("stop")):
        for at in (0, 1):
            body = bench.body([b"one", b"two"], error=error, at=at)
            bench.expect_raised(bench.serve(_returning(body)), error)


@case(_CLOSE)
def interrupts_in_close(bench: Bench) -> None:
    """KeyboardInterrupt, SystemExit and other BaseExceptions pass as they are out of close()."""
    for error in (Interrupt("stop"), Exit("stop"), Kill("stop")):
        body = bench.body([b"one", b"two"], close_error=error)
        bench.expect_raised(bench.serve(_returning(body)), error)
