"""The demo as its users have it, with a new guestbook for each test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from webtest import TestApp

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the guestbook is kept; neither the file nor its folder is there yet."""
    return tmp_path / "new" / "guestbook.sqlite3"


@pytest.fixture
def load(database: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ModuleType]:
    """Load deploy/wsgi.py anew, as a server process that starts does."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("GUESTBOOK_DB", str(database))
    monkeypatch.setenv("WSGIKIT_SECRET_KEY", "only for this test")
    monkeypatch.setenv("WSGIKIT_DEBUG", "false")

    def load_wsgi() -> ModuleType:
        spec = importlib.util.spec_from_file_location("deploy.wsgi", ROOT / "deploy" / "wsgi.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "deploy.wsgi", module)
        spec.loader.exec_module(module)
        return module

    return load_wsgi


@pytest.fixture
def wsgi(load: Callable[[], ModuleType]) -> ModuleType:
    return load()


@pytest.fixture
def demo(wsgi: ModuleType) -> TestApp:
    return TestApp(wsgi.application, lint=True)
