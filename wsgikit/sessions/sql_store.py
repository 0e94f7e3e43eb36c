"""Sessions in a table of a SQL database, by SQLAlchemy."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    and_,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import SessionUnavailable
from .ascii_text import from_ascii, to_ascii
from .records import changed_record, successor_record
from .sql_engine import make_engine
from .sql_tables import locks, make_tables, sessions
from .store import Changes, Owner, Record, SessionGone, SessionStore

_BATCH = 500
"""Rows that are read or deleted in one statement, so that each is short."""


class SQLStore(SessionStore):
    """Keep sessions in SQLite or PostgreSQL. Needs the extra ``sql``, or ``postgresql``.

    :param url_or_engine: ``sqlite:///sessions.sqlite3`` or ``postgresql://user:password@host/name``;
        or an engine of SQLAlchemy, whose own timeouts count then.
    :param timeout: seconds to wait for a connection, and again for each statement, of which a
        commit takes three. libpq waits no less than two for a server, and a statement of one row
        takes milliseconds.
    :raises ConfigurationError: the URL is none, or one of a database in memory.

    Its tables, ``wsgikit_sessions`` and ``wsgikit_session_locks``, are made at its first use. The
    hosts' clocks decide what has expired. Each commit is one transaction that starts with the
    lock of the row (SQLite: of the file), so none is in vain. Run ``purge`` now and then.
    """

    def __init__(self, url_or_engine: str | Engine, *, timeout: float = 2.0) -> None:
        self._owns_engine = isinstance(url_or_engine, str)
        self._engine = (
            make_engine(url_or_engine, timeout) if isinstance(url_or_engine, str) else url_or_engine
        )
        self._is_ready = False
        self._making = Lock()
        _stores.add(self)

    def forget_connections(self) -> None:
        """Leave those of the parent process to it. Called after a fork, in the child."""
        self._of_parent = self._engine.pool  # SQLite's may not even be closed here
        self._engine.dispose(close=False)
        self._making = Lock()  # a thread of the parent may have had it

    def close(self) -> None:
        if self._owns_engine:
            self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with _failures():
            self._make_ready()
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection for one query, which saves the round trips of BEGIN and COMMIT."""
        with _failures():
            self._make_ready()
            with self._engine.connect() as connection:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def _make_ready(self) -> None:
        if self._is_ready:
            return
        with self._making:
            make_tables(self._engine)
            self._is_ready = True

    def load(self, key: str) -> Record | None:
        with self._reading() as connection:
            row = connection.execute(select(sessions).where(_alive(key))).one_or_none()
        return _record(row) if row is not None else None

    def create(
        self, key: str, values: Mapping[str, str], *, ttl: float, owner: Owner | None = None
    ) -> bool:
        now = time.time()
        record = Record(key, values, 1, now, now, owner)
        expired = delete(sessions).where(sessions.c.key == key, sessions.c.expires <= now)
        try:
            with self._transaction() as connection:
                connection.execute(expired)
                connection.execute(insert(sessions).values(_columns(record, ttl)))
        except IntegrityError:
            return False
        return True

    def commit(
        self,
        key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        owner: Owner | None = None,
    ) -> Record | None:
        with self._transaction() as connection:
            record = _locked(connection, key)
            changed = changed_record(record, changes, expected_version, owner)
            if changed is None:
                return record
            connection.execute(_update(key, _columns(changed, ttl)))
        return None

    def rotate(
        self,
        key: str,
        new_key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        grace: float,
        owner: Owner | None = None,
    ) -> Record | None:
        with self._transaction() as connection:
            record = _locked(connection, key)
            new = successor_record(record, new_key, changes, expected_version, owner)
            if new is None:
                return record
            connection.execute(insert(sessions).values(_columns(new, ttl)))
            ends = {"successor": new_key, "expires": time.time() + grace}
            connection.execute(_update(key, ends))
        return None

    def touch(self, key: str, *, ttl: float) -> None:
        now = time.time()
        seen = update(sessions).where(_alive(key), sessions.c.successor.is_(None))
        with self._transaction() as connection:
            connection.execute(seen.values(last_seen=now, expires=now + ttl))

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        if expected_version is not None:
            return self._delete_as_read(key, expected_version)
        next_key: str | None = key
        with self._transaction() as connection:
            while next_key is not None:
                row = delete(sessions).where(sessions.c.key == next_key)
                next_key = connection.scalar(row.returning(sessions.c.successor))
        return True

    def _delete_as_read(self, key: str, version: int) -> bool:
        row = and_(sessions.c.key == key, sessions.c.version == version)
        with self._transaction() as connection:
            unchanged = delete(sessions).where(row, sessions.c.successor.is_(None))
            deleted = connection.execute(unchanged).rowcount > 0
        return deleted or self.load(key) is None

    def iterate(self, user_id: str | None = None) -> Iterator[Record]:
        alive = and_(sessions.c.expires > time.time(), sessions.c.successor.is_(None))
        if user_id is not None:
            alive = and_(alive, sessions.c.user_id == to_ascii(user_id))
        page = select(sessions).where(alive).order_by(sessions.c.key).limit(_BATCH)
        last = ""
        while True:
            with self._reading() as connection:
                rows = connection.execute(page.where(sessions.c.key > last)).all()
            yield from map(_record, rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1].key

    def purge(self) -> int:
        now = time.time()
        with self._transaction() as connection:
            connection.execute(delete(locks).where(locks.c.until <= now))
        some = select(sessions.c.key).where(sessions.c.expires <= now).limit(_BATCH)
        purged = 0
        while True:
            with self._transaction() as connection:
                expired = delete(sessions).where(
                    sessions.c.key.in_(some), sessions.c.expires <= now
                )
                count = connection.execute(expired).rowcount
            purged += count
            if count < _BATCH:
                return purged

    def lock(self, key: str, token: str, *, ttl: float) -> bool:
        now = time.time()
        free = or_(locks.c.until <= now, locks.c.token == token)
        taken = update(locks).where(locks.c.key == key, free).values(token=token, until=now + ttl)
        values = select(literal(key), literal(token), literal(now + ttl))
        unless_there = values.where(~exists().where(locks.c.key == key))
        new = insert(locks).from_select(["key", "token", "until"], unless_there)
        try:
            with self._transaction() as connection:
                return any(
                    connection.execute(step.returning(locks.c.key)).all() for step in (taken, new)
                )
        except IntegrityError:
            return False  # another was faster

    def unlock(self, key: str, token: str) -> None:
        mine = delete(locks).where(locks.c.key == key, locks.c.token == token)
        with self._transaction() as connection:
            connection.execute(mine)


_stores: WeakSet[SQLStore] = WeakSet()


def _forget_connections() -> None:
    for store in list(_stores):
        store.forget_connections()


os.register_at_fork(after_in_child=_forget_connections)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise SessionUnavailable from error


def _alive(key: str) -> Any:
    return and_(sessions.c.key == key, sessions.c.expires > time.time())


def _update(key: str, columns: Mapping[str, Any]) -> Any:
    return update(sessions).where(sessions.c.key == key).values(columns)


def _locked(connection: Connection, key: str) -> Record:
    """Read a session that nobody else can change until the transaction ends.

    An update that changes nothing takes the lock in every database; in SQLite, which has only one
    for all, a transaction that reads first cannot wait for it.
    """
    lock = update(sessions).where(_alive(key)).values(version=sessions.c.version)
    row = connection.execute(lock.returning(*sessions.c)).one_or_none()
    if row is None:
        raise SessionGone(key)
    return _record(row)


def _columns(record: Record, ttl: float) -> dict[str, Any]:
    """``record`` as a row. PostgreSQL takes no NUL and no lone surrogate, so all is in ASCII."""
    columns = record._asdict()
    columns["data"] = json.dumps(columns.pop("values"))
    columns["expires"] = time.time() + ttl
    owner = columns.pop("owner")
    if owner is not None:
        columns.update(zip(Owner._fields, map(to_ascii, owner), strict=True))
    return columns


def _record(row: Row[Any]) -> Record:
    owner = None
    if row.user_id is not None:
        owner = Owner(*(from_ascii(getattr(row, field)) for field in Owner._fields))
    return Record(
        row.key,
        json.loads(row.data),
        row.version,
        row.created,
        row.last_seen,
        owner,
        row.successor,
    )
