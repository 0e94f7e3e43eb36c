"""The isolation of ``SQLStore``'s transactions, which an engine of the user may have set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from ..errors import ConfigurationError


def read_committed(engine: Engine) -> Engine:
    """``engine``, for transactions that see what was committed while they waited for a row.

    With AUTOCOMMIT there are none, and from REPEATABLE READ on a row that another has changed is
    refused. SQLite has one lock for all, so what it calls SERIALIZABLE refuses nobody.

    :raises ConfigurationError: the database has no such transactions.
    """
    level = "SERIALIZABLE" if engine.dialect.name == "sqlite" else "READ COMMITTED"
    if level not in _levels(engine.dialect):
        raise ConfigurationError(
            f"SQLStore was given an engine of {engine.dialect.name}, which does not have the "
            "isolation level READ COMMITTED.\n\nTake SQLite or PostgreSQL, or another store."
        )
    return engine.execution_options(isolation_level=level)


def _levels(dialect: Any) -> Sequence[str]:
    try:
        levels: Sequence[str] = dialect.get_isolation_level_values(None)
    except NotImplementedError:
        return ()
    return levels
