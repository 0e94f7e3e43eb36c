"""Sessions in a table of a SQL database, by SQLAlchemy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    and_,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from .ascii_text import to_ascii
from .records import changed_record, new_record, successor_record
from .sql_database import Database
from .sql_rows import columns_of, record_of
from .sql_tables import locks, sessions
from .store import Changes, Owner, Record, SessionGone, SessionStore

_BATCH = 500
"""Rows that are read or deleted in one statement, so that each is short."""


class SQLStore(SessionStore):
    """Keep sessions in SQLite or PostgreSQL. Needs the extra ``sql``, or ``postgresql``.

    :param url_or_engine: ``sqlite:///sessions.sqlite3`` or ``postgresql://user:password@host/name``;
        or an engine of SQLAlchemy, whose own timeouts count then, while each transaction is READ
        COMMITTED whatever its default is.
    :param timeout: seconds to wait for a connection, and again for each statement, of which a
        commit takes three. libpq waits no less than two for a server, and a statement of one row
        takes milliseconds.
    :raises ConfigurationError: the URL is none, or one of a database in memory; or the database has
        no READ COMMITTED.

    Its tables, ``wsgikit_sessions`` and ``wsgikit_session_locks``, are made at its first use. The
    hosts' clocks decide what has expired. Each commit is one transaction that starts with the
    lock of the row (SQLite: of the file), so none is in vain. Run ``purge`` now and then.
    """

    def __init__(self, url_or_engine: str | Engine, *, timeout: float = 2.0) -> None:
        self._database = Database(url_or_engine, timeout)

    @property
    def engine(self) -> Engine:
        """The engine of SQLAlchemy that the store uses."""
        return self._database.engine

    def close(self) -> None:
        self._database.close()

    def load(self, key: str) -> Record | None:
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(_alive(key))).one_or_none()
        return record_of(row) if row is not None else None

    def create(
        self,
        key: str,
        values: Mapping[str, str],
        *,
        ttl: float,
        owner: Owner | None = None,
        created: float | None = None,
    ) -> bool:
        record = new_record(key, values, owner, created)
        expired = delete(sessions).where(sessions.c.key == key, sessions.c.expires <= time.time())
        try:
            with self._database.transaction() as connection:
                connection.execute(expired)
                connection.execute(insert(sessions).values(columns_of(record, ttl)))
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
        with self._database.transaction() as connection:
            record = _locked(connection, key)
            changed = changed_record(record, changes, expected_version, owner)
            if changed is None:
                return record
            connection.execute(_update(key, columns_of(changed, ttl)))
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
        with self._database.transaction() as connection:
            record = _locked(connection, key)
            new = successor_record(record, new_key, changes, expected_version, owner)
            if new is None:
                return record
            connection.execute(insert(sessions).values(columns_of(new, ttl)))
            ends = {"successor": new_key, "expires": time.time() + grace}
            connection.execute(_update(key, ends))
        return None

    def touch(self, key: str, *, ttl: float) -> None:
        now = time.time()
        seen = update(sessions).where(_alive(key), sessions.c.successor.is_(None))
        with self._database.transaction() as connection:
            connection.execute(seen.values(last_seen=now, expires=now + ttl))

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        if expected_version is not None:
            return self._delete_as_read(key, expected_version)
        next_key: str | None = key
        with self._database.transaction() as connection:
            while next_key is not None:
                row = delete(sessions).where(sessions.c.key == next_key)
                next_key = connection.scalar(row.returning(sessions.c.successor))
        return True

    def _delete_as_read(self, key: str, version: int) -> bool:
        row = and_(sessions.c.key == key, sessions.c.version == version)
        with self._database.transaction() as connection:
            unchanged = delete(sessions).where(row, sessions.c.successor.is_(None))
            deleted = connection.execute(unchanged).rowcount > 0
        return deleted or self.load(key) is None

    def iterate(self, user_id: str | int | None = None) -> Iterator[Record]:
        alive = and_(sessions.c.expires > time.time(), sessions.c.successor.is_(None))
        if user_id is None:
            yield from self._pages(select(sessions).where(alive))
            return
        # In one statement, as a session that gets a new key could escape from page to page.
        mine = select(sessions).where(alive, sessions.c.user_id == to_ascii(str(user_id)))
        with self._database.reading() as connection:
            rows = connection.execute(mine).all()
        yield from map(record_of, rows)

    def _pages(self, query: Select[Any]) -> Iterator[Record]:
        page = query.order_by(sessions.c.key).limit(_BATCH)
        last = ""
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(page.where(sessions.c.key > last)).all()
            yield from map(record_of, rows)
            if len(rows) < _BATCH:
                return
            last = rows[-1].key

    def purge(self) -> int:
        now = time.time()
        with self._database.transaction() as connection:
            connection.execute(delete(locks).where(locks.c.until <= now))
        some = select(sessions.c.key).where(sessions.c.expires <= now).limit(_BATCH)
        purged = 0
        while True:
            with self._database.transaction() as connection:
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
        held = select(locks.c.key).where(locks.c.key == key, ~free)
        # Whoever waits asks again and again, so that must cost as little as a read.
        with self._database.reading() as connection:
            if connection.scalar(held) is not None:
                return False
        taken = update(locks).where(locks.c.key == key, free).values(token=token, until=now + ttl)
        values = select(literal(key), literal(token), literal(now + ttl))
        unless_there = values.where(~exists().where(locks.c.key == key))
        new = insert(locks).from_select(["key", "token", "until"], unless_there)
        try:
            with self._database.transaction() as connection:
                return any(
                    connection.execute(step.returning(locks.c.key)).all() for step in (taken, new)
                )
        except IntegrityError:
            return False  # another was faster

    def unlock(self, key: str, token: str) -> None:
        mine = delete(locks).where(locks.c.key == key, locks.c.token == token)
        with self._database.transaction() as connection:
            connection.execute(mine)


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
    return record_of(row)
