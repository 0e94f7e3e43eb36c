"""How long a request waits for an answer of PostgreSQL: also when the server has fallen silent."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import READY_NONE
from sqlalchemy import Engine, event


def set_up_postgresql(engine: Engine, timeout: float) -> None:
    """Give up on a connection that has not answered for ``timeout`` seconds.

    The server's own ``statement_timeout`` needs a server that runs, and TCP's only one whose host
    does not acknowledge what it receives.
    """
    event.listen(engine, "do_connect", partial(_connect, timeout=timeout))


def _connect(
    _dialect: object, _record: object, args: Any, kwargs: Any, *, timeout: float
) -> psycopg.Connection[Any]:
    connection = _Connection.connect(*args, **kwargs)
    connection.timeout = timeout
    return connection


class _Connection(psycopg.Connection[Any]):
    timeout = 0.0

    def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:
        deadline = time.monotonic() + self.timeout
        try:
            return super().wait(_until(deadline, gen), *args, **kwargs)
        except psycopg.errors.ConnectionTimeout:
            self.pgconn.finish()  # or the pool would ask it to roll back, and wait again
            raise


def _until(deadline: float, steps: PQGen[Any]) -> PQGen[Any]:
    """``steps``, between which psycopg waits for the server and looks up now and then."""
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if ready == READY_NONE and time.monotonic() >= deadline:
                raise psycopg.errors.ConnectionTimeout("the server does not answer")
            wanted = steps.send(ready)
    except StopIteration as end:
        return end.value
