"""The SQLAlchemy engine of a URL: every wait is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ..errors import ConfigurationError, MissingExtraError
from .sqlite import set_up_sqlite


def make_engine(text: str, timeout: float) -> Engine:
    """Make the engine of ``text``; it connects when it is first used.

    :raises ConfigurationError: SQLAlchemy knows no such URL.
    :raises MissingExtraError: the driver is not installed.
    """
    try:
        url = make_url(text)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        name = url.get_backend_name()
        options = _OPTIONS.get(name, _no_options)(url, timeout)
        # A connection that the server has closed is noticed before it is used.
        engine = create_engine(url, pool_pre_ping=True, pool_timeout=timeout, **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            "SQLStore was given a text that is no URL of a database.\n\n"
            "Write sqlite:///sessions.sqlite3, or postgresql://user:password@host/database."
        ) from error
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "postgresql", "SQLStore with this URL") from error
    if name == "sqlite":
        set_up_sqlite(engine, timeout)
    if engine.driver == "psycopg":
        from .postgresql import set_up_postgresql

        set_up_postgresql(engine, timeout)
    return engine


def _postgresql_options(url: URL, timeout: float) -> dict[str, Any]:
    ms = math.ceil(timeout * 1000)
    limits = {
        "statement_timeout": ms,
        "idle_in_transaction_session_timeout": ms,
        # Sooner than the whole statement, so that a busy row is told from a busy server.
        "lock_timeout": math.ceil(ms * 0.8),
    }
    return {
        "isolation_level": "READ COMMITTED",  # see sql_isolation
        "connect_args": {
            "connect_timeout": max(2, math.ceil(timeout)),  # libpq takes no less
            "tcp_user_timeout": ms,  # a host that has vanished
            "options": " ".join(f"-c {name}={limit}" for name, limit in limits.items()),
        },
    }


def _sqlite_options(url: URL, timeout: float) -> dict[str, Any]:
    if url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "SQLStore was given a database in memory, of which each connection has its own.\n\n"
            "Name a file, as in sqlite:///sessions.sqlite3, or take MemoryStore()."
        )
    return {"connect_args": {"timeout": timeout}}


def _no_options(url: URL, timeout: float) -> dict[str, Any]:
    return {}


_OPTIONS: dict[str, Callable[[URL, float], dict[str, Any]]] = {
    "postgresql": _postgresql_options,
    "sqlite": _sqlite_options,
}
