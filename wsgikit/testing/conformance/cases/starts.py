"""When and how an app may start its response."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from wsgiref.types import StartResponse, WSGIEnvironment

from ..apps import Broken, headers_of, start
from ..bench import Bench
from ..case import case
from ..responses import RESPONSES
from ..server import Headers
from ..violation import expect

_START = 'PEP 3333, "The start_response() Callable"'
_ERRORS = 'PEP 3333, "Error Handling"'


@case(_START)
def in_a_generator(bench: Bench) -> None:
    """An app may start its response with its first chunk, after it has returned: nothing may be
    taken for known before.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response, "404 Not Found")
        yield b"late"
        yield b"start"

    bench.passes(app, [b"late", b"start"])


@case(_START)
def in_an_empty_generator(bench: Bench) -> None:
    """A generator may start its response and yield nothing: that is a response too."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield from ()

    bench.passes(app, [])


@case(_START)
def status_and_headers(bench: Bench) -> None:
    """The status goes on as the app wrote it, and all of its headers: those that belong to the
    status, such as Location, two of one name, and Latin-1.
    """
    for method, status, others in RESPONSES:
        app = partial(_respond, status, others)
        bench.passes(app, [b"fine"], {"REQUEST_METHOD": method})


def _respond(
    status: str, others: Headers, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    start_response(status, headers_of(environ, *others))
    return [b"fine"]


@case(_START)
def shared_header_list(bench: Bench) -> None:
    """An app may use one list of headers for all its responses: a middleware edits a copy, or a
    cookie that it adds goes to strangers.
    """
    headers = [("Content-Type", "text/plain")]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [b"shared"]

    bench.passes(app, [b"shared"])
    expect(headers == [("Content-Type", "text/plain")], f"changed the app's own list to {headers}")


@case(_START)
def explicit_none(bench: Bench) -> None:
    """None as a third argument is the same as no third argument."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers_of(environ), None)
        return [b"none"]

    bench.passes(app, [b"none"])


@case(_START)
def never_called(bench: Bench) -> None:
    """An app that starts no response has none: that is an error, never an empty success."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return []

    def generator(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        yield from ()

    bench.expect_failure(bench.serve(app))
    bench.expect_failure(bench.serve(generator))


@case(_START)
def called_twice(bench: Bench) -> None:
    """A second call without exc_info is a fatal error."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        start(environ, start_response, "404 Not Found")
        return [b"twice"]

    bench.expect_failure(bench.serve(app))


@case(_START)
def refused_by_the_server(bench: Bench) -> None:
    """What the server's start_response raises, as for a header that it refuses, goes on to the
    app or to the server.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response)
        return bench.body([b"refused"])  # not reached, unless a layer starts the response later

    exchange = bench.exchange(app)
    exchange.refusal = error = Broken("refused")
    exchange.serve()
    if exchange.error is not error:
        bench.expect_error(exchange, error)


@case(_ERRORS)
def replaced_before_it_left(bench: Bench) -> None:
    """Before anything was sent, a second call with exc_info replaces status and headers; what a
    middleware adds to headers is added once.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers_of(environ, ("X-First", "1")))
        try:
            raise Broken
        except Broken:
            start_response("404 Not Found", headers_of(environ), sys.exc_info())
        return [b"replaced"]

    def direct(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start(environ, start_response, "404 Not Found")
        return [b"replaced"]

    replaced = sorted(name for name, _ in bench.passes(app, [b"replaced"]).headers)
    expected = sorted(name for name, _ in bench.passes(direct, [b"replaced"]).headers)
    expect(replaced == expected, f"sent the headers {replaced} instead of {expected}")


@case(_ERRORS)
def replaced_after_an_empty_chunk(bench: Bench) -> None:
    """An empty chunk sends nothing, so that the start can still be replaced after it."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield b""
        try:
            raise Broken
        except Broken:
            start_response("404 Not Found", headers_of(environ), sys.exc_info())
        yield b"replaced"

    bench.passes(app, [b"", b"replaced"])


@case(_ERRORS)
def too_late_to_replace(bench: Bench) -> None:
    """Once a chunk has been sent, the server raises what exc_info holds: into the app's second
    call, and out of the app again.
    """
    error = Broken("too late")
    reached: list[BaseException] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start(environ, start_response)
        yield b"sent"
        try:
            raise error
        except Broken:
            try:
                start_response("500 Oops", headers_of(environ), sys.exc_info())
            except BaseException as raised:
                reached.append(raised)
                raise

    exchange = bench.serve(app)
    bench.expect_raised(exchange, error)
    expect(reached == [error], f"made {reached} of the error in the app's second call")
