"""Real gunicorn servers of the apps in the folder ``apps``."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from gunicorn_server import Server

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start a server that is stopped when the module's tests are over."""
    servers: list[Server] = []

    def start(application: str, **options: Any) -> Server:
        server = Server(
            application, tmp_path_factory.mktemp("server"), apps=HERE / "apps", **options
        )
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module", params=["gthread", "gevent"])
def worker_class(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def load_client() -> Iterator[ModuleType]:
    """The load client, loaded by path: a test folder is no package."""
    spec = importlib.util.spec_from_file_location("load_client", HERE / "load_client.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[spec.name]
