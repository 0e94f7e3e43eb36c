"""A store out of a text, and what is imported for it."""

import subprocess
import sys
from contextlib import closing

import pytest

from wsgikit import sessions
from wsgikit.errors import ConfigurationError, MissingExtraError
from wsgikit.sessions import MemoryStore, RedisStore, SQLStore, make_store


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("memory:", MemoryStore),
        ("sqlite:///sessions.sqlite3", SQLStore),
        ("sqlite+pysqlite:///sessions.sqlite3", SQLStore),
        ("postgresql://localhost/sessions", SQLStore),
        ("postgresql+psycopg://localhost/sessions", SQLStore),
        ("redis://localhost", RedisStore),
        ("rediss://localhost:6379/1", RedisStore),
        ("valkey://localhost", RedisStore),
        ("valkeys://localhost", RedisStore),
        ("unix:///run/valkey.sock", RedisStore),
    ],
)
def test_store_is_the_one_that_the_text_names(text, kind):
    with closing(make_store(text)) as store:
        assert type(store) is kind


def test_store_is_taken_as_it_is():
    store = MemoryStore()
    assert make_store(store) is store


@pytest.mark.parametrize(
    "value",
    [
        "",
        "memory",
        "localhost:secret",
        "mongodb://user:secret@host",
        "redis:secret",
        "redis+secret://host",
        "sqlite:secret",
        "sqlite://",
        "sqlite:///:memory:",
        None,
        6379,
        MemoryStore,
    ],
)
def test_anything_else_is_refused_with_what_to_write(value):
    with pytest.raises(ConfigurationError, match=r"sqlite:///sessions\.sqlite3|redis://") as caught:
        make_store(value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "missing", "command"),
    [
        ("redis://localhost", "redis", "wsgikit[redis]"),
        ("sqlite:///sessions.sqlite3", "sqlalchemy", "wsgikit[sql]"),
        ("postgresql://localhost/sessions", "psycopg", "wsgikit[postgresql]"),
    ],
)
def test_missing_library_names_its_extra(monkeypatch, text, missing, command):
    for name in list(sys.modules):
        if name.startswith("wsgikit.sessions."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as caught:
        make_store(text)
    assert command in str(caught.value)


def test_import_of_wsgikit_imports_no_library_of_a_store():
    code = (
        "import sys, wsgikit, wsgikit.middleware, wsgikit.sessions\n"
        "print([name for name in ('sqlalchemy', 'redis', 'psycopg') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


def test_module_has_no_other_names():
    with pytest.raises(AttributeError, match="MongoStore"):
        sessions.MongoStore  # noqa: B018
