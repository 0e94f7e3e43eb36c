"""Responses that have no body."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Broken, headers_of
from ..bench import Bench
from ..case import case
from ..server import MARKER
from ..violation import expect


def _expect_no_content(bench: Bench, status: str, *headers: tuple[str, str]) -> None:
    exchange = bench.passes(_answering(bench, status, *headers), [])
    names = [name.lower() for name, _ in exchange.headers]
    invented = [name for name in names if name in ("content-length", "content-type")]
    expect(not invented, f"added {' and '.join(invented)} to {status}")


def _answering(bench: Bench, status: str, *headers: tuple[str, str]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [("X-Marker", environ[MARKER]), *headers])
        return bench.body([])

    return app


@case("RFC 9110, 9.3.2")
def head(bench: Bench) -> None:
    """The response to HEAD has the headers of the one to GET, Content-Length among them, and no
    body.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers_of(environ, ("Content-Length", "3")))
        return bench.body([] if environ["REQUEST_METHOD"] == "HEAD" else [b"one"])

    bench.passes(app, [b"one"])
    bench.passes(app, [], {"REQUEST_METHOD": "HEAD"})


@case("RFC 9110, 9.3.2")
def error_for_head(bench: Bench) -> None:
    """A page for an error has no body either, if the request was HEAD."""
    error = Broken("no head")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise error

    bench.expect_error(bench.serve(app, {"REQUEST_METHOD": "HEAD"}), error)


@case("RFC 9110, 15.3.5 and 8.6")
def no_content(bench: Bench) -> None:
    """204 has no body, no Content-Length and no Content-Type."""
    _expect_no_content(bench, "204 No Content")


@case("RFC 9110, 15.4.5")
def not_modified(bench: Bench) -> None:
    """304 has no body, and no Content-Length and Content-Type but the app's own."""
    _expect_no_content(bench, "304 Not Modified", ("ETag", '"x"'))


@case("RFC 9110, 15.2 and 8.6", lint=False)
def informational(bench: Bench) -> None:
    """1xx has no body, no Content-Length and no Content-Type."""
    _expect_no_content(bench, "101 Switching Protocols")
