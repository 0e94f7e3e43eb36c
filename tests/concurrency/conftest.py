"""gunicorn, 4 processes of 8 threads each, and the stores that they keep sessions in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gunicorn_server import Server
from parallel import Browser, run_together
from real_servers import PostgreSQL, Valkey

APPS = Path(__file__).parent / "apps"

Serve = Callable[..., Server]
Browse = Callable[..., Browser]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a server of the app in ``apps``, with sessions in ``store``."""
    servers: list[Server] = []

    def start(application: str, store: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        options: Any = {"apps": APPS, "environ": {"STORE": store}, "workers": 4, "threads": 8}
        servers.append(Server(application, folder, **options))
        return servers[-1]

    yield start
    run_together(lambda number: servers[number].stop(), len(servers))  # each takes its second


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session", params=["valkey", "postgresql", "sqlite"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The name of a store, and its URL."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("sqlite") / "sessions.sqlite3"
        return request.param, f"sqlite:///{path}"
    return request.param, request.getfixturevalue(request.param).url


@pytest.fixture(scope="session")
def site(serve: Serve, store: tuple[str, str]) -> Server:
    """A server of the app ``stores``, with one store after the other."""
    return serve("stores:application", store[1])


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Make browsers; their connections are closed when the test is over."""
    with ExitStack() as stack:

        def start(server: Server, cookies: dict[str, str] | None = None) -> Browser:
            browser = Browser(server, cookies)
            stack.callback(browser.close)
            return browser

        yield start
