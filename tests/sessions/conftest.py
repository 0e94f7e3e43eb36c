"""One server of each kind for all tests of a run, and the stores in them."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy
from real_servers import PostgreSQL, Valkey, valkey_cluster

from wsgikit.sessions import MemoryStore, RedisStore, SessionStore, SQLStore

KINDS = ["memory", "sqlite", "postgresql", "valkey", "cluster"]


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[list[Valkey]]:
    with valkey_cluster() as nodes:
        yield nodes


@pytest.fixture
def cluster_url(cluster: list[Valkey]) -> str:
    return cluster[0].cluster_url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def postgresql(postgresql_server: PostgreSQL) -> PostgreSQL:
    """The server, with nothing in its database."""
    engine = sqlalchemy.create_engine(postgresql_server.url.replace(":", "+psycopg:", 1))
    with engine.begin() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {table}")
    engine.dispose()
    return postgresql_server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sessions.sqlite3"


@pytest.fixture
def prefix() -> str:
    """Of the keys in Redis: one for each test, which sees no other's."""
    return f"test-{uuid.uuid4().hex}:"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make(
    kind: str, prefix: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[], SessionStore]]:
    """Make a store of this kind, each time in the same place."""
    memory = MemoryStore()
    if kind == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    elif kind == "cluster":
        url = request.getfixturevalue("cluster_url")
    elif kind != "memory":
        url = request.getfixturevalue(kind).url

    def make_one() -> SessionStore:
        if kind == "memory":
            return memory
        if kind in ("sqlite", "postgresql"):
            return stack.enter_context(closing(SQLStore(url, timeout=20)))
        return stack.enter_context(closing(RedisStore(url, prefix=prefix, timeout=20)))

    with ExitStack() as stack:
        yield make_one


@pytest.fixture
def store(make: Callable[[], SessionStore]) -> SessionStore:
    return make()
