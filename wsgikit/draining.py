"""Whether this server was told to stop: known to all of its processes at once."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from wsgiref.types import StartResponse, WSGIEnvironment

from .environ import CLOSE_CONNECTION
from .lifecycle import Headers, on_start

_flag = mmap.mmap(-1, 1)
"""Memory that processes forked from this one share with it."""
_DRAINING, _STOPPING = 1, 2


def is_draining() -> bool:
    """Whether the server was told to stop, and only finishes what it has begun.

    True in every worker from the server's SIGTERM on, with the hooks of ``wsgikit.gunicorn``. A
    reload (SIGHUP) is none: other workers go on at the same address. Where no hook has run, as
    under other servers, it stays False.
    """
    return _flag[0] != 0


def start_draining() -> None:
    """Say so to this process, to those it was forked from or has forked, and to theirs.

    For the server's signal handler. This module has to be imported before the workers are forked.
    """
    _flag[0] = _DRAINING


def is_stopping() -> bool:
    """Whether the server has begun to stop its workers: one that still boots has no work."""
    return _flag[0] == _STOPPING


def start_stopping() -> None:
    """Say so to all of them, before they are signalled."""
    _flag[0] = _STOPPING


def close_if_draining(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """A ``start_response`` that has the server close the connection, if it drains by then.

    Under a server that cannot be asked to, and in tests, it is ``start_response`` itself.
    """
    close: Callable[[], object] | None = environ.get(CLOSE_CONNECTION)
    if close is None:
        return start_response

    def ask_server(status: str, headers: Headers) -> None:
        if is_draining():
            close()

    return on_start(start_response, ask_server)
