"""The little apps, the chains around them, and two clients: WebTest and a bare server's view."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO, StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from wsgikit import App
from wsgikit.middleware import standard, standard_pipeline
from wsgikit.pipeline import Pipeline

KEY = "a key for tests"
FRAMEWORKS = ("flask", "django", "bottle", "falcon", "pyramid", "bare")

IMPORT_WARNINGS = (
    # WebOb, under WebTest and Pyramid, still imports the standard library's cgi.
    ("'cgi' is deprecated", DeprecationWarning),
    # Pyramid finds its assets by setuptools' pkg_resources.
    ("pkg_resources is deprecated", UserWarning),
    ("Deprecated call to `pkg_resources", DeprecationWarning),
)


@contextmanager
def _frameworks_own_warnings() -> Iterator[None]:
    """Warnings are errors here, but not those that importing a framework gives."""
    with warnings.catch_warnings():
        for message, category in IMPORT_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        yield


def _load(name: str) -> ModuleType:
    """Import a module of the apps folder, which is no package (importlib import mode)."""
    path = Path(__file__).parent / "apps" / f"{name}.py"
    spec = spec_from_file_location(f"functional_{name}", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # Pyramid looks its caller up there
    with _frameworks_own_warnings():
        spec.loader.exec_module(module)
    return module


with _frameworks_own_warnings():
    from webtest import TestApp

VIEWS = _load("views")
BUILDERS = {name: _load(f"{name}_app").build for name in (*FRAMEWORKS, "router")}


def build(framework: str, *, lets_errors_out: bool = False) -> WSGIApplication:
    """The little app of a framework.

    :param lets_errors_out: have a view's exception reach the server, not the framework's 500 page.
    """
    return BUILDERS[framework](VIEWS, lets_errors_out=lets_errors_out)


def _standard(app: WSGIApplication, current_app: App, g: dict[str, Any]) -> WSGIApplication:
    return standard(app, current_app=current_app, g=g)


def _validated(app: WSGIApplication, current_app: App, g: dict[str, Any]) -> WSGIApplication:
    """The same chain with a validator outside, between every two layers and around the app."""
    pipeline = Pipeline().use(validator)
    for entry in standard_pipeline(app, current_app=current_app, g=g):
        pipeline.use(entry.cls, *entry.args, **entry.options).use(validator)
    return pipeline.run(app)


def _fallback(app: WSGIApplication, current_app: App, g: dict[str, Any]) -> WSGIApplication:
    """A router without routes, which leaves everything to the app."""
    current_app.fallback = validator(app)
    return _validated(current_app, current_app, g)


MODES = {"standard": _standard, "validated": _validated, "fallback": _fallback}


@dataclass
class Answer:
    """What the server saw of one request."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    body_type: type | None = None
    error: BaseException | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def bytes(self) -> tuple[Any, ...]:
        """All that goes over the wire, with its chunks."""
        return self.status, self.headers, self.chunks, self.error

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def cookies(self) -> str:
        """What a browser sends back for this answer's Set-Cookie headers."""
        return "; ".join(value.partition(";")[0] for value in self.values("Set-Cookie"))


def make_environ(path: str, method: str, body: bytes, **values: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    environ["REQUEST_METHOD"] = method
    setup_testing_defaults(environ)
    environ["wsgi.input"] = BytesIO(body)
    environ["wsgi.errors"] = StringIO()
    environ["wsgi.file_wrapper"] = FileWrapper
    environ["CONTENT_LENGTH"] = str(len(body)) if body else ""
    if body:
        environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    return {**environ, **values}


def fetch(
    app: WSGIApplication,
    path: str = "/",
    method: str = "GET",
    body: bytes = b"",
    *,
    on_chunk: Callable[[bytes], object] = lambda chunk: None,
    **values: Any,
) -> Answer:
    """Serve one request as a server does, chunk by chunk.

    :param on_chunk: called with each chunk as it goes out; what it raises is the client's leaving.
    :param values: environ keys.
    """
    answer = Answer()

    def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Any:
        if exc_info is not None and answer.chunks:
            raise exc_info[1]
        answer.status, answer.headers = status, list(headers)
        return answer.chunks.append

    try:
        result = app(make_environ(path, method, body, **values), start_response)
        answer.body_type = type(result)
        try:
            for chunk in result:
                answer.chunks.append(chunk)
                on_chunk(chunk)
        finally:
            if hasattr(result, "close"):
                result.close()
    except Exception as error:
        answer.error = error
    return answer


class Site:
    """One little app in one chain, and what its teardown and provider have seen.

    :param app: a router app, which is its own current app, or any other framework's.
    :param mode: the name of the chain.
    """

    def __init__(self, mode: str, app: WSGIApplication, current_app: App) -> None:
        self.current_app = current_app
        self.outcomes: list[BaseException | None] = []
        self.provider: list[str] = []
        current_app.teardown_request(self.outcomes.append)
        self.wsgi = MODES[mode](app, current_app, {"db": self._open_db, "site": "little"})

    def _open_db(self) -> Iterator[str]:
        self.provider.append("opened")
        try:
            yield "db"
        except BaseException as error:
            self.provider.append(f"rolled back: {type(error).__name__}")
            raise
        self.provider.append("committed")

    def browser(self) -> TestApp:
        """A WebTest client with cookies of its own, lint on."""
        return TestApp(self.wsgi, lint=True)

    def fetch(self, *args: Any, **kwargs: Any) -> Answer:
        return fetch(self.wsgi, *args, **kwargs)


def make_site(framework: str, mode: str, *, lets_errors_out: bool = False) -> Site:
    app = App("little", config={"SECRET_KEY": KEY, "PROPAGATE_EXCEPTIONS": False})
    if framework == "router":
        return Site(mode, BUILDERS["router"](VIEWS, app), app)
    return Site(mode, build(framework, lets_errors_out=lets_errors_out), app)


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    """The name of a framework that is not ours."""
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The name of a chain around an app that is not ours."""
    return request.param


@pytest.fixture
def views() -> ModuleType:
    """The views that all little apps share."""
    return VIEWS


@pytest.fixture
def serve() -> Callable[..., Answer]:
    """Serve one request of a WSGI app: ``serve(app, path, method, body, **environ)``."""
    return fetch


@pytest.fixture
def little_app() -> Callable[..., WSGIApplication]:
    """Make a framework's little app by name, without a chain."""
    return build


@pytest.fixture
def in_chain() -> Callable[..., Site]:
    """Put a chain around any app: ``in_chain(mode, app, current_app)``."""
    return Site


@pytest.fixture
def legacy(framework: str, mode: str) -> Site:
    """Another framework's app, in a chain."""
    return make_site(framework, mode)


@pytest.fixture
def bare(framework: str) -> WSGIApplication:
    """The same app without a chain."""
    return build(framework)


SITES = [f"{framework}-{mode}" for framework in FRAMEWORKS for mode in MODES]
SITES += ["router-standard", "router-validated"]


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> Site:
    """Each little app, the router's too, in each chain."""
    return make_site(*request.param.split("-"))


@pytest.fixture(params=SITES)
def raising_site(request: pytest.FixtureRequest) -> Site:
    """The same, but frameworks let the errors of views out."""
    return make_site(*request.param.split("-"), lets_errors_out=True)


@pytest.fixture(params=["standard", "validated"])
def router(request: pytest.FixtureRequest) -> Callable[..., Site]:
    """Put a chain around a router app of the test's own."""
    return lambda app: Site(request.param, app, app)


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock, so that dates and signatures of two requests can be compared."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
