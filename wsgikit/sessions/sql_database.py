"""The connections of ``SQLStore`` to its database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from weakref import WeakSet

from sqlalchemy import Connection, Engine

from .made_once import MadeOnce
from .sql_engine import make_engine
from .sql_failures import failures
from .sql_isolation import read_committed
from .sql_tables import make_tables


class Database:
    """An engine whose tables are made at its first use. No connection goes through a fork."""

    def __init__(self, url_or_engine: str | Engine, timeout: float) -> None:
        self._owns_engine = isinstance(url_or_engine, str)
        if isinstance(url_or_engine, str):
            self.engine = self._committed = make_engine(url_or_engine, timeout)
        else:
            self.engine, self._committed = url_or_engine, read_committed(url_or_engine)
        self._tables = MadeOnce(partial(make_tables, self.engine))
        _databases.add(self)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with failures():
            self._tables.get()
            with self._committed.begin() as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one query, which saves the round trips of BEGIN and COMMIT."""
        with failures():
            self._tables.get()
            with self.engine.connect() as connection:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        if self._owns_engine:
            self.engine.dispose()

    def forget_connections(self) -> None:
        """Leave those of the parent process to it. Called after a fork, in the child."""
        self._of_parent = self.engine.pool  # SQLite's may not even be closed here
        self.engine.dispose(close=False)


_databases: WeakSet[Database] = WeakSet()


def _forget_connections() -> None:
    for database in list(_databases):
        database.forget_connections()


os.register_at_fork(after_in_child=_forget_connections)
