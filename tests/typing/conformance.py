"""What a type checker says about the conformance kit. An ignore that is not needed is an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_type
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import App
from wsgikit.middleware import ContextMiddleware
from wsgikit.testing import conformance


class Own:
    def __init__(self, app: WSGIApplication, /, *, size: int = 1) -> None:
        self.app = app
        self.size = size

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)


def with_an_option(app: WSGIApplication) -> WSGIApplication:
    return Own(app, size=2)


def not_a_middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return []


assert_type(conformance.CASES, tuple[conformance.Case, ...])
for case in conformance.CASES:
    case.check(Own)
    case.check(with_an_option)
    case.check(validator)
    case.check(lambda app: Own(app, size=2), answers_errors=True)
    case.check(lambda app: ContextMiddleware(app, current_app=App("typing")))

conformance.check(ProxyFix, rewrites_body=True)
middleware: conformance.Middleware = with_an_option

conformance.check(not_a_middleware)  # type: ignore[arg-type]
conformance.check(Own, answers_error=True)  # type: ignore[call-arg]
conformance.check(Own(not_a_middleware))  # type: ignore[arg-type]
conformance.check(lambda app: Own(app, sise=2))  # type: ignore[call-arg]
