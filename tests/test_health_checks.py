"""Ready-made checks, on the real servers and on none."""

import pytest
import redis
from real_servers import Valkey, free_port, silent_port
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from wsgikit import health_checks
from wsgikit.errors import SessionUnavailable
from wsgikit.sessions import make_store
from wsgikit.sessions.redis_store import RedisStore


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server


def test_database_that_answers_passes_and_keeps_its_connection(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/book")
    check = health_checks.database(engine)
    check()
    assert engine.pool.checkedout() == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0
    engine.dispose()


def test_database_that_is_away_fails(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/no/such/folder")
    with pytest.raises(SQLAlchemyError):
        health_checks.database(engine)()


def test_redis_that_answers_passes(valkey):
    with valkey.client() as client:
        health_checks.redis(client)()
        assert client.dbsize() == 0


def test_redis_that_is_away_fails():
    with (
        redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.ConnectionError),
    ):
        health_checks.redis(client)()


@pytest.mark.parametrize("kind", ["memory", "sqlite", "valkey"])
def test_store_that_answers_passes_and_holds_nothing_after(kind, valkey, tmp_path):
    urls = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/s", "valkey": valkey.url}
    store = make_store(urls[kind])
    health_checks.session_store(store)()
    assert list(store.iterate()) == []
    store.close()
    with valkey.client() as client:
        assert client.dbsize() == 0


def test_store_that_is_silent_fails():
    with silent_port() as port:
        store = RedisStore(f"redis://127.0.0.1:{port}/0", timeout=0.1)
        with pytest.raises(SessionUnavailable):
            health_checks.session_store(store)()
        store.close()
