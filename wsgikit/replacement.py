"""New workers in the place of old ones, which serve until these have come up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from .booting import has_come_up


class _Spawned(Exception):
    """All that a reload has to do is done."""


def replace_well(server: Any) -> None:
    """Have no worker end before there is another one, and a reload that fails change nothing.

    gunicorn itself ends the old workers as soon as the new ones are forked. Those load the app
    then, start it, and may fail to, while nobody serves.
    """
    server.kill_worker = partial(_kill_unless_needed, server, server.kill_worker)
    server.reload = partial(_reload, server, server.reload)


def _reload(server: Any, reload: Callable[[], object]) -> None:
    server.reap_workers = _leave
    try:
        reload()
    except _Spawned:
        pass
    except (Exception, SystemExit):
        if os.getpid() != server.pid:
            raise  # the end of a worker, which gunicorn forks in there
        server.app.cfg = server.cfg  # as before: the new one does not load
        server.log.exception("Not reloaded: the workers go on with what they have")
    finally:
        del server.reap_workers


def _leave() -> None:
    """In place of gunicorn's wait for the old workers, in which it would hear no signal."""
    raise _Spawned


def _kill_unless_needed(
    server: Any, kill: Callable[[int, int], object], pid: int, number: int
) -> None:
    worker = server.WORKERS.get(pid)
    if number == signal.SIGTERM and server.LISTENERS and worker is not None:
        if _is_needed(server, worker):
            return
        worker.is_told_to_end = True
    kill(pid, number)


def _is_needed(server: Any, worker: Any) -> bool:
    """Whether it serves in the place of one that is to come, and has not come up yet."""
    workers = sorted(server.WORKERS.values(), key=lambda each: each.age)
    to_stay, others = workers[-server.num_workers :], workers[: -server.num_workers]
    missing = sum(not has_come_up(each) for each in to_stay)
    serving = [each for each in others if has_come_up(each) and not _is_told(each)]
    return missing > 0 and worker in serving[-missing:]


def _is_told(worker: Any) -> bool:
    return hasattr(worker, "is_told_to_end")
