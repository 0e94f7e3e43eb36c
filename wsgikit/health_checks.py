"""Ready-made checks for ``HealthMiddleware``: whether a server answers, leaving nothing behind.

They wait as long as the client, engine or store that they are given: let that give up within the
layer's ``timeout``. Threads that hang are few, but connections that they hold are requests' too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .sessions.store import key_of, new_id

if TYPE_CHECKING:
    from redis import Redis
    from redis.cluster import RedisCluster
    from sqlalchemy import Engine

    from .sessions import SessionStore


def database(engine: Engine) -> Callable[[], object]:
    """Check that the database of a SQLAlchemy engine answers a query.

    It takes a connection of the engine's pool: where all of them may be in use by requests, give
    it an engine of its own. To a server that has gone without a word it waits for a long time
    unless the engine's driver was told otherwise: for PostgreSQL
    ``create_engine(url, pool_timeout=2, connect_args={"connect_timeout": 2,
    "tcp_user_timeout": 2000, "options": "-c statement_timeout=2000"})``.
    """
    import sqlalchemy

    query = sqlalchemy.select(1)

    def check() -> None:
        with engine.connect() as connection:
            connection.execute(query)

    return check


def redis(client: Redis | RedisCluster) -> Callable[[], object]:
    """Check that a Redis or Valkey, or each node of a cluster, answers ``PING``.

    Give the client ``socket_timeout`` and ``socket_connect_timeout``, such as 1, and
    ``retry=Retry(NoBackoff(), 0)``: as redis-py sets them, it tries for a minute or more.
    """
    return client.ping


def session_store(store: SessionStore) -> Callable[[], object]:
    """Check that a store of sessions answers: it is asked for one that nobody has.

    Stores that were made of a URL give up after their own ``timeout``, of 1 or 2 seconds.
    """
    return lambda: store.load(key_of(new_id()))
