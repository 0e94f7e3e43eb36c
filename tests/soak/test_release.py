"""Without the garbage collector: what belonged to a request is free as soon as it is over.

A request that stays for the collector keeps its database rows and uploads with it for long, and
makes the collector's pauses. The objects have slots, so their references are counted.
"""

import gc
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from wsgikit import (
    App,
    after_this_request,
    copy_current_request_context,
    flash,
    g,
    get_flashed_messages,
    request,
    session,
)
from wsgikit.environ import CONTEXT
from wsgikit.errors import ResponseAborted
from wsgikit.middleware import standard

REQUESTS = 10_000


class Fault(Exception):
    """An error that no handler takes."""


class Handled(Exception):
    """An error that has a handler."""


class Stored:
    """What an app keeps in ``g``."""


class Kept(list[Any]):
    """The objects of the request under way, each to be let go when only this holds it."""

    def add_current(self, environ: dict[str, Any]) -> None:
        context = environ[CONTEXT]
        g.stored = Stored()
        self += [g.stored, context.g, context.app_context, context]
        self += [session._get_current_object(), request._get_current_object()]

    def take_alive(self) -> list[str]:
        """Let go of all, holders first; return what something else holds too."""
        alive = []
        while self:
            each = self.pop()
            if sys.getrefcount(each) > 2:  # the name here, and the argument
                alive.append(type(each).__name__)
            del each
        return alive


kept = Kept()
copies: list[Callable[[], None]] = []
app = App("release", config={"SECRET_KEY": "only for tests"})
app.logger.disabled = True
app.before_request(lambda: kept.add_current(request.environ))
app.errorhandler(Handled)(lambda error: ("handled", 409))


@app.get("/plain")
@app.get("/abandoned", endpoint="abandoned")
def plain() -> str:
    return "plain"


@app.get("/session")
def write_session() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return "session"


@app.get("/stream")
@app.get("/left", endpoint="left")
@app.get("/abandoned-stream", endpoint="abandoned-stream")
def stream() -> Iterator[str]:
    for _ in range(3):
        yield g.connection


@app.get("/stream-error")
def stream_error() -> Iterator[str]:
    yield g.connection
    raise Fault


@app.get("/handled")
def handled() -> None:
    g.connection  # noqa: B018 - opened by the look
    raise Handled


@app.get("/error")
def error() -> None:
    g.connection  # noqa: B018
    raise Fault


@app.get("/nested")
def nested() -> str:
    own = kept[:]
    kept.clear()
    environ = {**request.environ, "PATH_INFO": "/wrapped"}
    serve(environ, wrapping)
    assert kept.take_alive() == []
    kept.extend(own)
    return "nested"


@app.get("/callback")
def callback() -> str:
    after_this_request(lambda response: response.headers.update({"X-Path": request.path}))
    return "callback"


@app.get("/flashes")
def flashes() -> str:
    flash("told")
    return "".join(get_flashed_messages())


@app.get("/file")
def file() -> Any:
    return app.response_class(
        request.environ["wsgi.file_wrapper"](BytesIO(b"file")), direct_passthrough=True
    )


@app.get("/copy")
def copy() -> str:
    copies.append(copy_current_request_context(use_copy))
    return "copy"


def use_copy() -> None:
    g.text = request.path + g.connection


def connection() -> Iterator[str]:
    yield "connection"


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [g.connection.encode()]


outer = App("outer", config={"SECRET_KEY": "only for tests"}, fallback=bare)
inner = App("inner", config={"SECRET_KEY": "only for tests", "SESSION_COOKIE_NAME": "inner"})
for each in (outer, inner):
    each.before_request(lambda: kept.add_current(request.environ))
routing = standard(app, g={"connection": connection})
falling_back = standard(outer, g={"connection": connection})
wrapping = standard(bare, current_app=inner, g={"connection": connection})


def serve(environ: dict[str, Any], chain: Any) -> None:
    """Serve a request as a server does, or as none should that abandons it."""
    path = environ["PATH_INFO"]
    body = chain(environ, lambda status, headers, exc_info=None: None)
    if path.startswith("/abandoned"):
        if path == "/abandoned-stream":
            next(iter(body))
        return
    try:
        for _ in body:
            if path == "/left":
                break
    except ResponseAborted:
        pass  # a server cuts the connection
    finally:
        body.close()


def serve_alone(path: str, chain: Any) -> None:
    environ: dict[str, Any] = {"PATH_INFO": path, "wsgi.file_wrapper": FileWrapper}
    setup_testing_defaults(environ)
    serve(environ, chain)
    while copies:
        thread = threading.Thread(target=copies.pop())
        thread.start()
        thread.join()


KINDS = {rule.rule: routing for rule in app.url_map.iter_rules()}
KINDS |= {"/fallback": falling_back, "/wrapped": wrapping}


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    kept.clear()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("path", KINDS)
def test_request_is_free_as_soon_as_it_is_over(path: str) -> None:
    alive: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # told of what is abandoned
        for _ in range(REQUESTS // len(KINDS)):
            serve_alone(path, KINDS[path])
            assert len(kept) == 6
            alive.update(kept.take_alive())
    assert alive == set()


@pytest.mark.usefixtures("no_collection")
def test_check_notices_what_waits_for_the_collector() -> None:
    stored = Stored()
    stored.itself = stored  # type: ignore[attr-defined]
    kept.append(stored)
    del stored
    assert kept.take_alive() == ["Stored"]
