"""Apps for the client to be tested with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import flask
import pytest

from wsgikit import App, current_app, g, request, session
from wsgikit.middleware import standard

KEY = "a key for tests"


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A bare app; its session is in the environ too."""
    session["seen"] = session.get("seen", 0) + 1
    g.path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [session.get("user", "nobody").encode()]


def lazy(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A generator app, which starts its response with its first chunk."""
    session["seen"] = session.get("seen", 0) + 1
    g.path = request.path
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield session.get("user", "nobody").encode()
    yield b""


def make_flask() -> flask.Flask:
    app = flask.Flask("legacy")

    @app.get("/")
    @app.get("/<path:path>")
    def index(path: str = "") -> str:
        session["seen"] = session.get("seen", 0) + 1
        g.path = flask.request.path
        return session.get("user", "nobody")

    return app


def router() -> App:
    app = App("tests", config={"SECRET_KEY": KEY, "TESTING": True})

    @app.get("/")
    @app.get("/<path:path>")
    def index(path: str = "") -> str:
        session["seen"] = session.get("seen", 0) + 1
        g.path = request.path
        return session.get("user", "nobody")

    return app


KINDS: dict[str, Callable[[], Any]] = {
    "router": router,
    "bare": lambda: bare,
    "generator": lambda: lazy,
    "flask": make_flask,
}


@pytest.fixture(params=KINDS)
def chain(request: pytest.FixtureRequest) -> Any:
    """The standard chain around an app of each kind. Each answers with ``session["user"]``."""
    inner = KINDS[request.param]()
    app = inner if isinstance(inner, App) else App("legacy", config={"TESTING": True})
    return standard(inner, current_app=app, secret_key=KEY)


@pytest.fixture
def outcomes(app: App) -> list[BaseException | None]:
    """The outcomes that the teardown of ``app`` was told, with the app and path current then."""
    seen: list[Any] = []
    app.teardown_request(lambda outcome: seen.append((current_app.name, request.path, outcome)))
    return seen
