"""Whether this server was told to stop: known to all of its processes at once."""

from __future__ import annotations

import mmap

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
