"""What a request may look like, and what the app must see of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..apps import Broken, headers_of, start
from ..bench import Bench
from ..case import case
from ..violation import expect

_ENVIRON = 'PEP 3333, "environ Variables"'
_LOCATION = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")


def _seeing(seen: list[WSGIEnvironment]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        start(environ, start_response)
        return [b"seen"]

    return app


@case('PEP 3333, "Specification Details" on environ', lint=False)
def plain_dict(bench: Bench) -> None:
    """The environ is a dict, not an instance of a subclass or of any other mapping."""
    seen: list[WSGIEnvironment] = []
    bench.passes(_seeing(seen), [b"seen"])
    expect(type(seen[0]) is dict, f"handed on a {type(seen[0]).__name__} as environ")


@case(_ENVIRON)
def keys_of_others(bench: Bench) -> None:
    """What the server and other layers have left in the environ reaches the app."""
    stream, value = io.StringIO(), object()
    seen: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.errors"].write("a line\n")
        return _seeing(seen)(environ, start_response)

    bench.passes(app, [b"seen"], {"another.layer": value, "wsgi.errors": stream})
    expect(seen[0].get("another.layer") is value, "lost environ['another.layer']")
    expect(stream.getvalue() == "a line\n", "lost what the app wrote to wsgi.errors")


@case(_ENVIRON)
def location(bench: Bench) -> None:
    """Method and location reach the app as sent, and are for the layers outside what they were
    before.
    """
    sent = ["PUT", "/mounted", "/a//b", "c=d&c=e"]
    values = dict(zip(_LOCATION, sent, strict=True))
    seen: list[list[str]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append([environ[name] for name in _LOCATION])
        start(environ, start_response)
        return [b"seen"]

    exchange = bench.passes(app, [b"seen"], values)
    expect(seen == [sent], f"made {seen[0]} of {sent} for the app")
    left = [exchange.environ[name] for name in _LOCATION]
    expect(left == sent, f"left {left} of {sent} to the layers outside")


@case('PEP 3333, "Specification Details" on environ')
def cleared_by_the_app(bench: Bench) -> None:
    """The app may change the environ in any way: what a middleware needs later it keeps."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_of_this = partial(start_response, "200 OK", headers_of(environ))
        environ.clear()
        start_of_this()
        yield b"seen"

    bench.passes(app, [b"seen"])


@case('PEP 3333, "Specification Details" on environ')
def cleared_before_an_error(bench: Bench) -> None:
    """An app that has changed the environ may fail: its error is not replaced by one about the
    environ.
    """
    error = Broken("with an empty environ")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.clear()
        raise error

    bench.expect_error(bench.serve(app), error)


@case(_ENVIRON, lint=False)
def nothing_optional(bench: Bench) -> None:
    """What may be missing of the environ is not relied on."""
    exchange = bench.exchange(_seeing([]), {"SERVER_PROTOCOL": "HTTP/1.0"})
    for name in ("SCRIPT_NAME", "QUERY_STRING", "REMOTE_ADDR", "HTTP_HOST", "wsgi.file_wrapper"):
        del exchange.environ[name]
    exchange.serve()
    bench.expect_response(exchange, [b"seen"])


def _expect_no_error(bench: Bench, values: dict[str, Any]) -> None:
    """Expect the app's response, or that of a layer that refuses the request as the client's."""
    exchange = bench.serve(_seeing([]), values)
    failed = exchange.error is not None or (exchange.status or "")[:1] not in ("2", "4")
    expect(not failed, f"made {exchange.outcome} of {values!r}")


@case("RFC 9110, 8.6", lint=False)
def malformed_content_length(bench: Bench) -> None:
    """A Content-Length that is no number is the client's fault: no exception."""
    for value in ("", "abc", "-1", "1e3", "3, 3", "\xb2", "9" * 5000):
        _expect_no_error(bench, {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": value})


@case("RFC 6265, 5.4", lint=False)
def malformed_cookies(bench: Bench) -> None:
    """Cookies are whatever a client sends: no exception."""
    for value in ("", "=", ";;=;", "a", 'a="', "a=\xff\xfe", "session=.eJ.x.y", "a=b;" * 1000):
        _expect_no_error(bench, {"HTTP_COOKIE": value})


@case("RFC 9110, 5.5", lint=False)
def malformed_headers(bench: Bench) -> None:
    """Headers are whatever a client sends: no exception."""
    headers = ("HOST", "ACCEPT", "ACCEPT_LANGUAGE", "AUTHORIZATION", "RANGE", "IF_NONE_MATCH")
    others = ("IF_MODIFIED_SINCE", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "FORWARDED", "ORIGIN")
    for value in ("", "\xff\xfe", ",;=", '"', "[::1", "a b:c", "Basic \xff", "bytes=-", "1" * 5000):
        _expect_no_error(bench, {f"HTTP_{name}": value for name in (*headers, *others)})
        _expect_no_error(bench, {"CONTENT_TYPE": value})


@case(_ENVIRON, lint=False)
def malformed_locations(bench: Bench) -> None:
    """Paths and queries are bytes, in Latin-1, and methods any word: no exception."""
    for value in ("", "/\xff\xfe", "//", "/../..", "/%", "/\x00", "/a\nb", "no/slash"):
        _expect_no_error(bench, {"PATH_INFO": value})
    for value in ("%", "\xff", "&&=&", "a" * 5000, "%ff=%00"):
        _expect_no_error(bench, {"QUERY_STRING": value})
    _expect_no_error(bench, {"REQUEST_METHOD": "BREW"})
