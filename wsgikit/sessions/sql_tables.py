"""The two tables of ``SQLStore``, and how several processes make them at the same time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Engine, Index, MetaData, String, Table, Text
from sqlalchemy import inspect as look_at
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

_metadata = MetaData()

sessions = Table(
    "wsgikit_sessions",
    _metadata,
    Column("key", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("user_id", Text),
    Column("address", Text),
    Column("user_agent", Text),
    Column("successor", String(64)),
    Index("wsgikit_sessions_user_id", "user_id"),
    Index("wsgikit_sessions_expires", "expires"),
)

locks = Table(
    "wsgikit_session_locks",
    _metadata,
    Column("key", String(64), primary_key=True),
    Column("token", Text, nullable=False),
    Column("until", Double, nullable=False),
)

_STEPS: list[DDLElement] = [
    CreateTable(sessions, if_not_exists=True),
    *(CreateIndex(index, if_not_exists=True) for index in sorted(sessions.indexes, key=str)),
    CreateTable(locks, if_not_exists=True),
]


def make_tables(engine: Engine) -> None:
    """Make what is missing. Needs no right to make tables where they are there already."""
    # The last one made: where it is, all are.
    if look_at(engine).has_table(locks.name):
        return
    for step in _STEPS:
        _run(engine, step)


def _run(engine: Engine, step: DDLElement) -> None:
    try:
        _run_once(engine, step)
    except (IntegrityError, OperationalError, ProgrammingError):
        # PostgreSQL lets two try, and fails the one that is second: for it, it exists by now.
        _run_once(engine, step)


def _run_once(engine: Engine, step: DDLElement) -> None:
    with engine.begin() as connection:
        connection.execute(step)
