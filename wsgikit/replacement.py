"""New workers in the place of old ones, which serve until these have come up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .booting import Workers, come_up
from .errors import ConfigurationError

_leaving = Workers()
"""Those that another one is to replace: at a reload, or when they have answered max_requests."""


class _Spawned(Exception):
    """All that a reload has to do is done."""


def replace_well(server: Any) -> None:
    """Have no worker of the server end before another one has come up in its place.

    gunicorn itself ends the old workers of a reload as soon as the new ones are forked. Those load
    the app then, start it, and may fail to, while nobody serves. And a worker that has answered
    ``max_requests`` has closed its sockets, and waits for its last streams, before it is replaced.
    """
    server.reload = partial(_reload, server, server.reload)
    server.manage_workers = partial(_manage, server, server.manage_workers)


def replaces_well(server: Any) -> bool:
    """Whether it was told to, by ``replace_well``."""
    return "manage_workers" in vars(server)


def ask_for_successor(worker: Any) -> None:
    """Have a worker, just forked, serve until it is replaced, also after ``max_requests``."""
    limit, notify = worker.max_requests, worker.notify

    def notify_and_ask() -> None:  # its loop does so each second
        notify()
        if worker.nr >= limit:
            _leaving.add(worker)

    if limit < sys.maxsize:
        worker.max_requests, worker.notify = sys.maxsize, notify_and_ask


def _reload(server: Any, reload: Callable[[], object]) -> None:
    if not _configuration_loads(server):
        return
    for worker in server.WORKERS.values():
        _leaving.add(worker)
    server.reap_workers = _leave
    try:
        reload()
    except _Spawned:
        pass
    finally:
        del server.reap_workers


def _configuration_loads(server: Any) -> bool:
    """Try it: a reload that fails half-way has closed the sockets, say."""
    try:
        server.app.reload()
        if server.app.cfg.address != server.cfg.address:
            raise ConfigurationError("A new address to bind to takes a restart.")
    except (Exception, SystemExit):
        server.log.exception("Not reloaded: the workers go on with what they have")
        return False
    finally:
        server.app.cfg = server.cfg
    return True


def _leave() -> None:
    """In place of gunicorn's wait for the old workers, in which it would hear no signal."""
    raise _Spawned


def _manage(server: Any, manage: Callable[[], object]) -> None:
    """Have gunicorn keep as many workers as are wanted, beside those that are to leave."""
    leaving = {pid: worker for pid, worker in server.WORKERS.items() if worker in _leaving}
    for pid in leaving:
        del server.WORKERS[pid]
    try:
        manage()
    finally:
        staying = [*server.WORKERS.values()]
        server.WORKERS.update(leaving)
    for worker in _not_needed(server, [*leaving.values()], staying):
        worker.is_told_to_end = True
        server.kill_worker(worker.pid, signal.SIGTERM)


def _not_needed(server: Any, leaving: Sequence[Any], staying: Sequence[Any]) -> list[Any]:
    """Those that serve in nobody's place: for each that is still to come up one old one stays."""
    missing = max(0, server.num_workers - sum(worker in come_up for worker in staying))
    oldest_first = sorted(leaving, key=lambda worker: worker.age)
    serving = [each for each in oldest_first if each in come_up and not _is_told(each)]
    needed = serving[max(0, len(serving) - missing) :]
    return [worker for worker in oldest_first if worker not in needed]


def _is_told(worker: Any) -> bool:
    return hasattr(worker, "is_told_to_end")
