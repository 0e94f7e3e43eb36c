"""What is particular to sessions in a SQL database."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
import sqlalchemy
from real_servers import PostgreSQL, silent_port, wait_until

from wsgikit.errors import ConfigurationError, SessionLocked, SessionRefused, SessionUnavailable
from wsgikit.sessions import Change, Owner, SQLStore, sql_database, sql_tables
from wsgikit.sessions.store import key_of, new_id

HOUR = 3600.0


@pytest.fixture
def key() -> str:
    return key_of(new_id())


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    return request.getfixturevalue("postgresql").url


@pytest.fixture
def store(url: str) -> Iterator[SQLStore]:
    with closing(SQLStore(url)) as store:
        yield store


def python(code: str, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def with_driver(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


# the tables

RACE = """
import sys
from wsgikit.sessions import SQLStore
store = SQLStore(sys.argv[1], timeout=20)
print("ready", flush=True)
sys.stdin.readline()
store.create(sys.argv[2], {}, ttl=3600)
store.close()
"""


def test_processes_that_start_together_make_the_tables_once(store, url):
    keys = sorted(key_of(new_id()) for _ in range(4))
    processes = [python(RACE, url, key) for key in keys]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(record.key for record in store.iterate()) == keys


def wait_for_a_waiter(server: PostgreSQL) -> None:
    """Wait until a connection of the server waits for a lock of another one."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: connection.execute(query).fetchone() == (1,), "one waits for the other")


def test_tables_that_another_process_is_making_are_waited_for(postgresql, key):
    engine = sqlalchemy.create_engine(with_driver(postgresql.url))
    with closing(SQLStore(postgresql.url, timeout=20)) as store, ThreadPoolExecutor() as pool:
        with engine.begin() as other:
            sql_tables.sessions.metadata.create_all(other)
            created = pool.submit(store.create, key, {}, ttl=HOUR)
            wait_for_a_waiter(postgresql)
        assert created.result() is True
    engine.dispose()


def test_lock_that_another_process_is_taking_is_taken(postgresql, key):
    with closing(SQLStore(postgresql.url, timeout=20)) as store, ThreadPoolExecutor() as pool:
        store.load(key)
        with psycopg.connect(postgresql.url) as other:
            row = (key, "theirs", time.time() + HOUR)
            other.execute("INSERT INTO wsgikit_session_locks VALUES (%s, %s, %s)", row)
            taken = pool.submit(store.lock, key, "mine", ttl=HOUR)
            wait_for_a_waiter(postgresql)
        assert taken.result() is False


def test_tables_are_made_with_their_indexes(store, url, key):
    store.load(key)
    engine = sqlalchemy.create_engine(with_driver(url))
    names = {index["name"] for index in sqlalchemy.inspect(engine).get_indexes("wsgikit_sessions")}
    engine.dispose()
    assert names == {"wsgikit_sessions_user_id", "wsgikit_sessions_expires"}


def test_tables_that_were_left_half_made_are_finished(url, key):
    for table in ("wsgikit_session_locks", "wsgikit_sessions"):
        with closing(SQLStore(url)) as store:
            store.create(key, {}, ttl=HOUR)
        engine = sqlalchemy.create_engine(with_driver(url))
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE wsgikit_session_locks")
            if table == "wsgikit_sessions":
                connection.exec_driver_sql("DROP TABLE wsgikit_sessions")
        engine.dispose()
        with closing(SQLStore(url)) as store:
            assert store.lock(key, "token", ttl=HOUR)


def test_sqlite_file_lets_readers_read_beside_a_writer(sqlite_url, key):
    with closing(SQLStore(sqlite_url)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            other.execute("BEGIN IMMEDIATE")
            assert store.load(key).values == {"a": "1"}


def test_wait_for_a_lock_takes_nothing_from_who_writes(sqlite_url, key):
    with closing(SQLStore(sqlite_url, timeout=0.2)) as store:
        store.lock(key, "theirs", ttl=HOUR)
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            assert store.lock(key, "mine", ttl=HOUR) is False


def test_sqlite_transaction_has_the_lock_from_its_start(sqlite_url, key):
    with closing(SQLStore(sqlite_url)) as store:
        store.load(key)
        path = sqlite_url.removeprefix("sqlite:///")
        with (
            closing(sqlite3.connect(path, timeout=0)) as other,
            store._database.transaction(),
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")


# engines


def test_engine_of_the_user_is_used_and_left_open(url, key):
    engine = sqlalchemy.create_engine(with_driver(url))
    with closing(SQLStore(engine)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        assert store.commit(key, {"a": Change("1", "2")}, expected_version=1, ttl=HOUR) is None
    pool = engine.pool
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT data FROM wsgikit_sessions").all()
    assert rows == [('{"a": "2"}',)]
    assert engine.pool is pool
    engine.dispose()


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("sqlite", "AUTOCOMMIT"),
        ("postgresql", "AUTOCOMMIT"),
        ("postgresql", "REPEATABLE READ"),
        ("postgresql", "SERIALIZABLE"),
    ],
)
def test_isolation_level_of_an_engine_loses_and_refuses_no_write(kind, level, request, key):
    fixture = request.getfixturevalue("sqlite_url" if kind == "sqlite" else kind)
    url = fixture if kind == "sqlite" else with_driver(fixture.url)
    engine = sqlalchemy.create_engine(url, isolation_level=level)
    before = mode_of(engine)
    with closing(SQLStore(engine)) as store:
        write_together(store, key)
    assert mode_of(engine) == before
    engine.dispose()


def test_isolation_level_of_a_server_loses_and_refuses_no_write(postgresql, key):
    with psycopg.connect(postgresql.url, autocommit=True) as connection:
        name = "DATABASE postgres"
        connection.execute(f"ALTER {name} SET default_transaction_isolation = 'repeatable read'")
        try:
            with closing(SQLStore(postgresql.url, timeout=20)) as store:
                write_together(store, key)
        finally:
            connection.execute(f"ALTER {name} RESET default_transaction_isolation")


def mode_of(engine: sqlalchemy.Engine) -> tuple[object, object]:
    """How a connection of the user's engine is set."""
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        return raw.isolation_level, getattr(raw, "autocommit", None)


def write_together(store: SQLStore, key: str) -> None:
    """Write 160 values of a new session by 4 threads, and see that all are kept."""
    store.create(key, {}, ttl=HOUR)

    def write(thread: int) -> None:
        for turn in range(40):
            change = {f"{thread}-{turn}": Change(None, "1")}
            store.commit(key, change, expected_version=0, ttl=HOUR)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(store.load(key).values) == 160


def without_levels(_: object) -> list[str]:
    raise NotImplementedError


@pytest.mark.parametrize("levels", [lambda _: ["SERIALIZABLE", "AUTOCOMMIT"], without_levels])
def test_engine_whose_transactions_would_refuse_writes_is_refused(monkeypatch, levels):
    engine = sqlalchemy.create_engine("postgresql+psycopg://localhost/db")  # say, CockroachDB
    monkeypatch.setattr(engine.dialect, "get_isolation_level_values", levels)
    with pytest.raises(ConfigurationError, match="READ COMMITTED"):
        SQLStore(engine)


def test_database_holds_the_key_and_no_id(url, store):
    session_id = new_id()
    store.create(key_of(session_id), {"a": "1"}, ttl=HOUR, owner=Owner("42"))
    store.lock(key_of(session_id), "token", ttl=HOUR)
    engine = sqlalchemy.create_engine(with_driver(url))
    dump = ""
    with engine.connect() as connection:
        for table in ("wsgikit_sessions", "wsgikit_session_locks"):
            dump += str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
    engine.dispose()
    assert dump.count(key_of(session_id)) == 2
    assert session_id not in dump


def test_purge_forgets_locks_that_have_ended(url, store, key):
    store.lock(key, "token", ttl=0.001)
    store.lock(key_of(new_id()), "token", ttl=HOUR)
    wait_until(lambda: store.lock(key, "other", ttl=0.001), "the lock ends")
    engine = sqlalchemy.create_engine(with_driver(url))

    def count() -> int:
        store.purge()
        with engine.connect() as connection:
            return connection.exec_driver_sql(
                "SELECT count(*) FROM wsgikit_session_locks"
            ).scalar_one()

    wait_until(lambda: count() == 1, "only the lock that is held is left")
    engine.dispose()


def test_purge_takes_more_than_one_batch(store):
    for _ in range(1100):
        store.create(key_of(new_id()), {}, ttl=0.001)
    wait_until(lambda: not list(store.iterate()), "all expire")
    assert store.purge() == 1100


# outages


def test_restart_of_the_server_fails_no_call(postgresql, key):
    with closing(SQLStore(postgresql.url)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        postgresql.kill()
        with pytest.raises(SessionUnavailable) as caught:
            store.load(key)
        assert type(caught.value) is SessionUnavailable
        assert isinstance(caught.value.__cause__, sqlalchemy.exc.OperationalError)
        postgresql.start()
        assert store.load(key).values == {"a": "1"}
        postgresql.kill()
        postgresql.start()
        assert store.commit(key, {"a": Change("1", "2")}, expected_version=1, ttl=HOUR) is None


def test_server_that_never_answers_is_unavailable(key):
    with (
        silent_port() as port,
        closing(SQLStore(f"postgresql://127.0.0.1:{port}/db", timeout=0.1)) as store,
        pytest.raises(SessionUnavailable),
    ):
        store.load(key)


def test_wait_for_a_row_ends_at_the_timeout_and_says_that_it_was_for_a_row(postgresql, key):
    with closing(SQLStore(postgresql.url, timeout=0.2)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        with psycopg.connect(postgresql.url) as other:
            other.execute("UPDATE wsgikit_sessions SET version = version")
            with pytest.raises(SessionLocked):
                store.commit(key, {"a": Change("1", "2")}, expected_version=1, ttl=HOUR)
            other.rollback()
        assert store.load(key).values == {"a": "1"}


def test_wait_for_a_silent_postgresql_ends_at_the_timeout(postgresql, key):
    with closing(SQLStore(postgresql.url, timeout=0.2)) as store, ThreadPoolExecutor() as pool:
        store.create(key, {"a": "1"}, ttl=HOUR)
        postgresql.freeze()
        try:
            with pytest.raises(SessionUnavailable):
                pool.submit(store.load, key).result(60)
        finally:
            postgresql.thaw()
        assert store.load(key).values == {"a": "1"}


@pytest.mark.parametrize("engine_of_the_user", [False, True])
def test_wait_for_the_file_ends_at_the_timeout(sqlite_url, key, engine_of_the_user):
    engine = sqlalchemy.create_engine(sqlite_url, connect_args={"timeout": 0.2})
    place = engine if engine_of_the_user else sqlite_url
    with closing(SQLStore(place, timeout=0.2)) as store:
        store.create(key, {"a": "1"}, ttl=HOUR)
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(SessionRefused):
                store.commit(key, {"a": Change("1", "2")}, expected_version=1, ttl=HOUR)
        assert store.load(key).values == {"a": "1"}
    engine.dispose()


def test_read_only_postgresql_refuses_writes_and_answers_reads(postgresql, key):
    engine = sqlalchemy.create_engine(
        with_driver(postgresql.url),
        connect_args={"options": "-c default_transaction_read_only=on"},
    )
    with closing(SQLStore(postgresql.url)) as writer, closing(SQLStore(engine)) as store:
        writer.create(key, {"a": "1"}, ttl=HOUR)
        with pytest.raises(SessionRefused):
            store.touch(key, ttl=HOUR)
        assert store.load(key).values == {"a": "1"}
    engine.dispose()


def test_row_that_the_index_cannot_hold_is_refused(postgresql, key):
    with closing(SQLStore(postgresql.url)) as store:
        with pytest.raises(SessionRefused):
            store.create(key, {}, ttl=HOUR, owner=Owner(os.urandom(2000).hex()))
        assert store.load(key) is None


def test_statement_that_takes_too_long_is_of_a_server_that_is_away(postgresql, key):
    with closing(SQLStore(postgresql.url, timeout=0.2)) as store:
        store.load(key)
        with pytest.raises(SessionUnavailable) as caught, store._database.reading() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(10)")
        assert type(caught.value) is SessionUnavailable


def test_wait_for_a_connection_of_the_pool_ends_at_the_timeout(sqlite_url, key):
    path = sqlite_url.removeprefix("sqlite:///")
    engine = sqlalchemy.create_engine(
        f"sqlite:///{path}", pool_size=1, max_overflow=0, pool_timeout=0.1
    )
    with closing(SQLStore(engine)) as store:
        store.create(key, {}, ttl=HOUR)
        with engine.connect(), pytest.raises(SessionUnavailable):
            store.load(key)
    engine.dispose()


def test_database_that_cannot_be_opened_is_unavailable(tmp_path, key):
    with (
        closing(SQLStore(f"sqlite:///{tmp_path}/no/folder.sqlite3")) as store,
        pytest.raises(SessionUnavailable) as caught,
    ):
        store.load(key)
    assert type(caught.value) is SessionUnavailable


# processes

FORK = """
import os, sys
from wsgikit.sessions import Change, SQLStore
store = SQLStore(sys.argv[1], timeout=20)
store.create(sys.argv[2], {}, ttl=3600)
for number in range(4):
    if not os.fork():
        for turn in range(50):
            store.commit(
                sys.argv[2], {f"{number}-{turn}": Change(None, "1")}, expected_version=0, ttl=3600
            )
        store.close()
        os._exit(0)
codes = [os.wait()[1] for _ in range(4)]
assert codes == [0] * 4, codes
assert len(store.load(sys.argv[2]).values) == 200
store.close()
"""


def test_connections_are_not_shared_with_a_forked_process(url, key):
    process = python(FORK, url, key)
    process.communicate()
    assert process.returncode == 0


def test_connections_of_the_parent_are_left_to_it(sqlite_url, key):
    with closing(SQLStore(sqlite_url)) as store:
        store.create(key, {}, ttl=HOUR)
        pool = store._database.engine.pool
        sql_database._forget_connections()
        assert store.load(key) is not None
        assert store._database.engine.pool is not pool
        assert pool.checkedin() == 1  # still open
        pool.dispose()


KILLED = """
import sys
from wsgikit.sessions import Change, make_store
store = make_store(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    change = Change(None, str(number))
    store.commit(sys.argv[2], {"a": change, "b": change}, expected_version=0, ttl=3600)
"""


def test_commit_of_a_killed_process_is_whole_or_not_there(store, url, key):
    store.create(key, {"a": "0", "b": "0"}, ttl=HOUR)
    for _ in range(5):
        version = store.load(key).version
        process = python(KILLED, url, key)
        process.stdout.readline()
        wait_until(lambda version=version: store.load(key).version > version + 20, "it commits")
        process.kill()
        process.communicate()
        values = store.load(key).values
        assert values["a"] == values["b"] != "0"


def test_file_that_is_no_database_is_unavailable(tmp_path, key):
    file = tmp_path / "sessions.sqlite3"
    file.write_text("no database at all " * 100)
    with (
        closing(SQLStore(f"sqlite:///{file}")) as store,
        pytest.raises(SessionUnavailable) as caught,
    ):
        store.load(key)
    assert type(caught.value) is SessionUnavailable
