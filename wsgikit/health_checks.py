"""Ready-made checks for ``HealthMiddleware``: whether a server answers, leaving nothing behind."""

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
    it an engine of its own.
    """
    import sqlalchemy

    query = sqlalchemy.select(1)

    def check() -> None:
        with engine.connect() as connection:
            connection.execute(query)

    return check


def redis(client: Redis | RedisCluster) -> Callable[[], object]:
    """Check that a Redis or Valkey, or each node of a cluster, answers ``PING``."""
    return client.ping


def session_store(store: SessionStore) -> Callable[[], object]:
    """Check that a store of sessions answers: it is asked for one that nobody has."""
    return lambda: store.load(key_of(new_id()))
