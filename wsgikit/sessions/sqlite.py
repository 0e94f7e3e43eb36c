"""How SQLite serves many writers: it has one lock for the whole file."""

from __future__ import annotations

import math
import sqlite3
import time
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event

from .sql_failures import failure_of

_PATIENCE = 20
"""Milliseconds after which a waiter for the lock starts to look often again."""


def set_up_sqlite(engine: Engine, timeout: float) -> None:
    """Let each transaction of ``engine`` start with the lock, or fail after ``timeout`` seconds."""
    event.listen(engine, "connect", partial(_on_connect, timeout=timeout))
    event.listen(engine, "begin", partial(_on_begin, timeout=timeout))


def _on_connect(connection: Any, _record: object, *, timeout: float) -> None:
    # Readers and the writer do not wait for each other; the file remembers it. Of several processes
    # that make this change to a new file, SQLite refuses all but one at once.
    _execute_when_free(connection, "PRAGMA journal_mode = WAL", time.monotonic() + timeout)
    # A killed process loses nothing; a power failure may take the last commits, not the file.
    connection.execute("PRAGMA synchronous = NORMAL")


def _on_begin(connection: Connection, *, timeout: float) -> None:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    raw: Any = connection.connection.driver_connection
    # SQLite looks for the lock at ever longer intervals. Of many who wait, the unlucky would find
    # it taken each time until theirs is over, though nobody has it for more than a millisecond.
    raw.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        _execute_when_free(raw, "BEGIN IMMEDIATE", time.monotonic() + timeout)
    finally:
        raw.execute(f"PRAGMA busy_timeout = {math.ceil(timeout * 1000)}")


def _execute_when_free(raw: Any, statement: str, deadline: float) -> None:
    while True:
        try:
            raw.execute(statement)
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= deadline:
                raise failure_of(error) from error
