"""What a type checker says about pipelines. An ignore that is not needed is an error too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_type
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import App, Pipeline
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    SessionMiddleware,
    standard,
)
from wsgikit.sessions import MemoryStore, merge_lists
from wsgikit.sessions.readers import FlaskCookie


class Own:
    def __init__(self, app: WSGIApplication, /, *, size: int = 1) -> None:
        self.app = app
        self.size = size

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return []


app = App("typing")

pipeline = (
    Pipeline()
    .use(validator)
    .use(ProxyFix, x_for=1, x_proto=1)
    .use(DispatcherMiddleware, {"/legacy": bare})
    .use(ContextMiddleware, current_app=app)
    .use(ErrorMiddleware, debug=True)
    .use(SessionMiddleware, secret_key="x", same_site="Strict")
    .use(GMiddleware, site="x", db=object)
    .use(HooksMiddleware)
    .use(Own, size=2)
)
assert_type(pipeline, Pipeline)
assert_type(pipeline.run(app), WSGIApplication)
assert_type(standard(app, secret_key="x"), WSGIApplication)
assert_type(standard(bare, current_app=app), WSGIApplication)

Pipeline().use(ProxyFix, x_fro=1)  # type: ignore[call-arg]
Pipeline().use(ProxyFix, x_for="1")  # type: ignore[arg-type]
Pipeline().use(validator, strict=True)  # type: ignore[call-arg]
Pipeline().use(ContextMiddleware, curent_app=app)  # type: ignore[call-arg]
Pipeline().use(ErrorMiddleware, debug="yes")  # type: ignore[arg-type]
Pipeline().use(SessionMiddleware, secret_key="x", cookie_nam="y")  # type: ignore[call-arg]
Pipeline().use(SessionMiddleware, secret_key="x", same_site="lax")  # type: ignore[arg-type]
Pipeline().use(SessionMiddleware)  # type: ignore[call-arg]
Pipeline().use(HooksMiddleware, debug=True)  # type: ignore[call-arg]
Pipeline().use(Own, 2)  # type: ignore[call-arg]

pipeline.insert_before(ContextMiddleware, ProxyFix, x_for=1)
pipeline.insert_after(ContextMiddleware, Own, size=1)
pipeline.replace(ErrorMiddleware, ErrorMiddleware, debug=False)
assert_type(pipeline.without(HooksMiddleware), Pipeline)

pipeline.insert_before(ContextMiddleware, ProxyFix, x_fro=1)  # type: ignore[call-arg]
pipeline.insert_after(ContextMiddleware, Own, sise=1)  # type: ignore[call-arg]
pipeline.replace(ErrorMiddleware, ErrorMiddleware, debugg=False)  # type: ignore[call-arg]

pipeline.run(1)  # type: ignore[arg-type]


Pipeline().use(
    SessionMiddleware,
    secret_key="x",
    store=MemoryStore(),
    conflict={"cart": merge_lists, "address": "raise"},
    outage="cookie",
    readers=[FlaskCookie("x")],
)
Pipeline().use(SessionMiddleware, secret_key="x", store="redis://localhost", oversize="spill")
Pipeline().use(SessionMiddleware, secret_key="x", outage="panic")  # type: ignore[arg-type]
Pipeline().use(SessionMiddleware, secret_key="x", conflict={"a": "ours"})  # type: ignore[dict-item]
Pipeline().use(SessionMiddleware, secret_key="x", store=object())  # type: ignore[arg-type]
