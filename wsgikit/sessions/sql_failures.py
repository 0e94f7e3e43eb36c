"""What an error of the database says: it is away, or refuses this one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import SessionLocked, SessionRefused, SessionUnavailable

_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for the end of lock_timeout
_AWAY = ("08", "53", "57")
"""Classes of SQLSTATE: the connection, the server's resources, its operator (or a timeout)."""
_FILE_AWAY = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR}
_FILE_AWAY |= {sqlite3.SQLITE_NOTADB}


@contextmanager
def failures() -> Iterator[None]:
    """Raise ours for the errors of SQLAlchemy, except the one of a row that is there already."""
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout as error:
        raise SessionUnavailable from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise SessionUnavailable from error
        raise failure_of(error.orig) from error


def failure_of(error: BaseException | None) -> SessionLocked | SessionUnavailable:
    """What to raise for an error of a driver. One that gives no code never reached the server."""
    state = getattr(error, "sqlstate", None)
    if state == _LOCK_NOT_AVAILABLE:
        return SessionLocked(retry_after=1)
    code = getattr(error, "sqlite_errorcode", None)
    has_answered = (state is not None and not state.startswith(_AWAY)) or (
        code is not None and code & 0xFF not in _FILE_AWAY
    )
    return SessionRefused(retry_after=1) if has_answered else SessionUnavailable()
