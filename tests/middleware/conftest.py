"""A WSGI client, apps that do what PEP 3333 allows and layers forget, and the layers under test."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from wsgikit import App
from wsgikit.middleware import (
    AccessLogMiddleware,
    ContextMiddleware,
    DeadlineMiddleware,
    DrainMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HealthMiddleware,
    HooksMiddleware,
    HostMiddleware,
    HTTPSMiddleware,
    MetricsMiddleware,
    ProxyMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    standard_pipeline,
)
from wsgikit.pipeline import Pipeline

KEY = "a key for tests"


@dataclass
class Answer:
    """What the server saw of one request."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    starts: int = 0
    error: BaseException | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def make_environ(**values: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ["QUERY_STRING"] = ""
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.file_wrapper"] = FileWrapper
    return {**environ, **values}


def call(app: Any, *, leave_after: int | None = None, **values: Any) -> Answer:
    """Serve one request as a server does; ``leave_after`` chunks the client is gone."""
    answer = Answer()

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info is not None and answer.chunks:
            raise exc_info[1]
        answer.starts += 1
        answer.status, answer.headers = status, headers
        return answer.chunks.append

    try:
        body = app(make_environ(**values), start_response)
        try:
            for count, chunk in enumerate(body):
                if leave_after is not None and count >= leave_after:
                    raise BrokenPipeError("the client is gone")
                answer.chunks.append(chunk)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
    except Exception as error:
        answer.error = error
    return answer


class Body:
    """An iterable that counts its closing; ``fail_at`` raises in place of that chunk."""

    def __init__(self, chunks: list[bytes], fail_at: int | None = None) -> None:
        self.chunks = chunks
        self.fail_at = fail_at
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for index, chunk in enumerate(self.chunks):
            if index == self.fail_at:
                raise LookupError("the body broke")
            yield chunk

    def close(self) -> None:
        self.closed += 1


class RaisingClose(Body):
    def close(self) -> None:
        super().close()
        raise OSError("close failed")


PLAIN = [("Content-Type", "text/plain")]


class Hostile:
    """The apps, each of which keeps the bodies that it made."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []

    def body(self, *args: Any, cls: type[Body] = Body, **kwargs: Any) -> Body:
        self.bodies.append(cls(*args, **kwargs))
        return self.bodies[-1]

    def one_item_list(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return [b"one"]

    def tuple_body(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return (b"one", b"two")

    def stream(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return self.body([b"one", b"", b"two", b"three"])

    def generator(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", list(PLAIN))
        yield b"late"
        yield b"start"

    def empty_generator(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", list(PLAIN))
        yield from ()

    def write(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        send = start_response("200 OK", list(PLAIN))
        send(b"written ")
        send(b"twice ")
        return [b"and returned"]

    def restart(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*PLAIN, ("X-First", "1")])
        try:
            raise LookupError("changed its mind")
        except LookupError:
            start_response("404 Not Found", list(PLAIN), sys.exc_info())
        return [b"no such thing"]

    def no_content(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("204 No Content", [("X-Kept", "yes")])
        return []

    def not_modified(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("304 Not Modified", [("ETag", '"x"')])
        return self.body([])

    def head(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"one"]

    def file(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return environ["wsgi.file_wrapper"](io.BytesIO(b"a file"), 4)

    def raises(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        raise LookupError("no response at all")

    def raises_after_start(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        raise LookupError("after the start")

    def breaks_at_first_chunk(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return self.body([b"one"], fail_at=0)

    def breaks_at_second_chunk(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return self.body([b"one", b"two"], fail_at=1)

    def raises_in_close(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        return self.body([b"one", b"two"], cls=RaisingClose)


@pytest.fixture
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture
def serve() -> Callable[..., Answer]:
    return call


class Recorder:
    """A current app that writes down each teardown's outcome."""

    def __init__(self) -> None:
        self.app = App("legacy", config={"SECRET_KEY": KEY, "PROPAGATE_EXCEPTIONS": False})
        self.outcomes: list[BaseException | None] = []
        self.provided: list[BaseException | None] = []
        self.app.teardown_request(self.outcomes.append)

    def provider(self) -> Iterator[str]:
        try:
            yield "open"
        except BaseException as error:
            self.provided.append(error)
            raise
        self.provided.append(None)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def _alone(layer: Any, **options: Any) -> Callable[[Any, Recorder], Any]:
    """The layer between two validators, inside a context layer where it needs one."""

    def build(app: Any, recorder: Recorder) -> Any:
        pipeline = Pipeline().use(validator)
        if layer is not ContextMiddleware:
            pipeline.use(ContextMiddleware, current_app=recorder.app).use(validator)
        else:
            options["current_app"] = recorder.app
        return pipeline.use(layer, **options).use(validator).run(app)

    return build


def _outside(*layers: tuple[Any, dict[str, Any]]) -> Callable[[Any, Recorder], Any]:
    """The layers between validators, outside a context layer, where they belong."""

    def build(app: Any, recorder: Recorder) -> Any:
        pipeline = Pipeline().use(validator)
        for layer, options in layers:
            pipeline.use(layer, **options).use(validator)
        return pipeline.use(ContextMiddleware, current_app=recorder.app).use(validator).run(app)

    return build


class Proxied:
    """Has the request come by https from a proxy."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        said = {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}
        return self.app({**environ, **said}, start_response)


def _standard(app: Any, recorder: Recorder) -> Any:
    pipeline = Pipeline().use(validator)
    for entry in standard_pipeline(app, current_app=recorder.app):
        pipeline.use(entry.cls, *entry.args, **entry.options).use(validator)
    return pipeline.run(app)


LAYERS = {
    "context": _alone(ContextMiddleware),
    "error": _alone(ErrorMiddleware),
    "session": _alone(SessionMiddleware, secret_key=KEY),
    "stored_session": _alone(SessionMiddleware, secret_key=KEY, store="memory:"),
    "g": _alone(GMiddleware, site="x"),
    "hooks": _alone(HooksMiddleware),
    "health": _alone(HealthMiddleware),
    "drain": _alone(DrainMiddleware),
    "deadline": _alone(DeadlineMiddleware, seconds=30),
    "proxy": _outside((Proxied, {}), (ProxyMiddleware, {"trusted": ["unix"]})),
    "host": _outside((HostMiddleware, {"trusted": ["127.0.0.1"]})),
    "https": _outside(
        (Proxied, {}),
        (ProxyMiddleware, {"trusted": ["unix"]}),
        (HTTPSMiddleware, {"hsts_max_age": None}),
    ),
    "request_id": _alone(RequestIDMiddleware),
    "access_log": _alone(AccessLogMiddleware, logger="tests.access"),
    "metrics": _alone(MetricsMiddleware),
    "standard": _standard,
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> str:
    """The name of the layer under test."""
    return str(request.param)


@pytest.fixture
def wrap(layer: str, recorder: Recorder) -> Callable[[Any], Any]:
    """Put the layer under test around an app, with validators on both sides."""
    return lambda app: LAYERS[layer](app, recorder)
