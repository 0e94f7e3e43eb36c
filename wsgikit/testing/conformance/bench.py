"""The middleware under test between the apps and the server of the battery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

from .apps import Body
from .carried import carried
from .rules import AS_AN_APP, CHUNKS, CLOSE, START
from .server import MARKER, Exchange, Headers, make_environ
from .violation import expect

Middleware = Callable[[WSGIApplication], WSGIApplication]


@dataclass
class Call:
    """One call of the app, and the start of the response that it made last."""

    environ: WSGIEnvironment
    status: str | None = None
    headers: Headers = field(default_factory=list)


class Bench:
    """Puts the middleware around apps, serves requests, and compares the two ends."""

    def __init__(
        self, middleware: Middleware, *, answers_errors: bool, rewrites_body: bool, lint: bool
    ) -> None:
        self.middleware = middleware
        self.answers_errors = answers_errors
        self.rewrites_body = rewrites_body
        self.lint = lint
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self._bodies: list[Body] = []
        self._validated: list[Any] = []
        self._exchanges: list[Exchange] = []
        self._numbers = count(1)

    def wrap(self, app: WSGIApplication, *, times: int = 1) -> WSGIApplication:
        """The middleware around ``app``; in the second round between two validators."""
        app = self._watched(app)
        for _ in range(times):
            app = self.middleware(self._linted(app))
        return self._linted(app)

    def _linted(self, app: WSGIApplication) -> WSGIApplication:
        if not self.lint:
            return app
        validated = validator(app)

        def linted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            body = validated(environ, start_response)
            self._validated.append(body)
            return body

        return linted

    def _watched(self, app: WSGIApplication) -> WSGIApplication:
        def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            call = Call(environ)
            self.calls[environ[MARKER]].append(call)

            def start(status: str, headers: Headers, *exc_info: Any) -> Any:
                call.status, call.headers = status, list(headers)
                return start_response(status, headers, *exc_info)

            return app(environ, start)

        return watched

    def body(self, chunks: Iterable[bytes], **options: Any) -> Body:
        """A body that must have been closed once when the case is over."""
        self._bodies.append(Body(chunks, **options))
        return self._bodies[-1]

    def environ(self, values: Mapping[str, Any] | None = None) -> WSGIEnvironment:
        """The environ of a new request, with a marker of its own."""
        return make_environ(f"request-{next(self._numbers)}", values)

    def exchange(self, app: WSGIApplication, values: Mapping[str, Any] | None = None) -> Exchange:
        """A request to the wrapped ``app``, not served yet."""
        return self.request(self.wrap(app), self.environ(values))

    def request(self, wrapped: WSGIApplication, environ: WSGIEnvironment) -> Exchange:
        """A request to an app that is wrapped already."""
        self._exchanges.append(Exchange(wrapped, environ))
        return self._exchanges[-1]

    def serve(self, app: WSGIApplication, values: Mapping[str, Any] | None = None) -> Exchange:
        """Serve one request to the wrapped ``app`` to its end."""
        exchange = self.exchange(app, values)
        exchange.serve()
        return exchange

    def passes(
        self,
        app: WSGIApplication,
        chunks: Iterable[bytes],
        values: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Serve one request, and expect the app's own response with these ``chunks``."""
        exchange = self.serve(app, values)
        self.expect_response(exchange, chunks)
        return exchange

    def expect_response(self, exchange: Exchange, chunks: Iterable[bytes]) -> None:
        """Expect the app's own response, with these ``chunks``."""
        expect(exchange.error is None, f"let the request fail with {exchange.error!r}")
        self.expect_start(exchange)
        if not self.rewrites_body:
            sent = [*chunks]
            expect(exchange.chunks == sent, f"made {exchange.chunks} of the chunks {sent}", CHUNKS)

    def expect_start(self, exchange: Exchange) -> None:
        """Expect one call of the app, and its status and headers at the server."""
        self.expect_no_faults(exchange)
        calls = self.calls[exchange.marker]
        expect(len(calls) == 1, f"called the app {len(calls)} times for one request", START)
        status, sent = calls[0].status, calls[0].headers
        expect(
            exchange.status == status, f"made {exchange.status!r} of the status {status!r}", START
        )
        if self.rewrites_body:
            sent = [header for header in sent if header[0].lower() != "content-length"]
        received = [header for header in exchange.headers if header in sent]
        # The order of headers has a meaning within one name only (RFC 9110, 5.3).
        kept = sorted(received, key=_name) == sorted(sent, key=_name)
        expect(kept, f"made {exchange.headers} of the headers {sent}", START)

    def expect_no_faults(self, exchange: Exchange) -> None:
        expect(not exchange.faults, "; then it ".join(exchange.faults), AS_AN_APP)

    def expect_error(self, exchange: Exchange, error: BaseException) -> None:
        """Expect ``error`` at the server, or the 5xx response that an error layer makes of it."""
        if self.answers_errors and isinstance(error, Exception):
            self.expect_no_faults(exchange)
            self.expect_answer(exchange)
        else:
            self.expect_raised(exchange, error)

    def expect_raised(self, exchange: Exchange, error: BaseException) -> None:
        """Expect ``error`` at the server; from an error layer, an exception that carries it."""
        self.expect_no_faults(exchange)
        may_carry = self.answers_errors and isinstance(error, Exception)
        arrived = error in carried(exchange.error) if may_carry else exchange.error is error
        expect(arrived, f"made {exchange.outcome} of the error {error!r}")

    def expect_answer(self, exchange: Exchange) -> None:
        """Expect a whole 5xx response."""
        is_answer = exchange.error is None and (exchange.status or "").startswith("5")
        expect(is_answer, f"made {exchange.outcome} of an error, though it answers errors")

    def expect_failure(self, exchange: Exchange) -> None:
        """Expect any error at the server, or a 5xx response from an error layer."""
        if exchange.error is None:
            expect(self.answers_errors, f"made {exchange.outcome} of a broken response")
            self.expect_answer(exchange)

    def expect_closed(self) -> None:
        """Expect that each body has been closed once, and was not read after that."""
        for body in self._bodies:
            expect(body.closed == 1, f"closed the app's iterable {body.closed} times", CLOSE)
            expect(not body.pulled_after_close, "iterated the app's body after its close()", CLOSE)
        dropped = [body for body in self._validated if not body.closed]
        expect(not dropped, "dropped an iterable without its close()", CLOSE)

    def forget(self) -> None:
        """Let go of all requests."""
        self.calls.clear()
        self._exchanges.clear()

    def end(self) -> None:
        """Close what a failed case has left open, so that nothing of it is heard of later."""
        for exchange in self._exchanges:
            with suppress(Exception):
                exchange.close_if_open()
        for body in self._validated:
            body.closed = True


def _name(header: tuple[str, str]) -> str:
    return header[0].lower()
