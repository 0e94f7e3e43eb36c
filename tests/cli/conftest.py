"""The command, and real stores for it to look into."""

import sys
from contextlib import closing
from itertools import count

import pytest
from click.testing import CliRunner
from real_servers import Valkey

from wsgikit.cli import main
from wsgikit.sessions import make_store

_NUMBERS = count()


@pytest.fixture(scope="session")
def valkey():
    with Valkey() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/sessions.sqlite3"


@pytest.fixture(params=["sqlite", "valkey"])
def url(request):
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    server = request.getfixturevalue("valkey")
    with server.client() as client:
        client.flushall()
    return server.url


@pytest.fixture
def store(url):
    with closing(make_store(url)) as store:
        yield store


@pytest.fixture
def run(monkeypatch):
    """Call the command ``wsgikit``; return its outcome."""
    monkeypatch.delenv("WSGIKIT_SESSION_STORE", raising=False)

    def run(*arguments, **options):
        return CliRunner().invoke(main, arguments, **options)

    return run


@pytest.fixture
def sessions(run, url):
    """Call ``wsgikit sessions`` for the store; return what it prints, if all went well."""

    def sessions(*arguments, **options):
        result = run("sessions", *arguments, "--store", url, **options)
        assert result.exit_code == 0, result.output
        return result.stdout

    return sessions


@pytest.fixture
def write_site(tmp_path, monkeypatch):
    """Write a module into the folder that commands are started in; return its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    names = []

    def write_site(source):
        names.append(f"site_{next(_NUMBERS)}")  # no two tests have a module in common
        (tmp_path / f"{names[-1]}.py").write_text(source)
        return names[-1]

    yield write_site
    for name in names:
        sys.modules.pop(name, None)
