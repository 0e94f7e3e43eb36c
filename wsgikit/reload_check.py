"""A look, before gunicorn reloads, at whether the new code and configuration load at all."""

from __future__ import annotations

import os
import signal
from typing import Any

from .metrics import forget_process

_AT_ONCE = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def reload_what_loads(server: Any) -> None:
    """Have the server keep its workers when it is told to reload what does not load."""
    reload = server.reload

    def reload_if_it_loads() -> None:
        if _loads(server):
            reload()
        else:
            server.log.error("Not reloaded: the workers go on with what they have")

    server.reload = reload_if_it_loads


def _loads(server: Any) -> bool:
    """Load everything in a process of its own, whose failure harms nobody."""
    process = os.fork()
    if not process:
        os._exit(not _load(server))  # whatever threads the app has started, and runs atexit
    try:
        return _wait(server, process) == 0
    finally:
        forget_process(process)


def _load(server: Any) -> bool:
    """What a reload loads, and then a worker, as the user that workers run as."""
    from gunicorn.util import set_owner_process  # type: ignore[import-untyped]

    try:
        for number in (*server.SIGNALS, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(server.cfg.timeout)  # ends it
        server.app.reload()
        server.setup(server.app)
        set_owner_process(server.cfg.uid, server.cfg.gid, initgroups=server.cfg.initgroups)
        server.app.wsgi()
    except SystemExit:  # a configuration that has said what is wrong with it
        return False
    except BaseException:
        server.log.exception("This does not load")
        return False
    return True


def _wait(server: Any, process: int) -> int:
    """Wait for the process, and no longer when the server is told to stop; return its status."""
    came: list[int] = []
    ended, status = 0, 0
    while not ended:
        came += server.wait_for_signals(timeout=0.1)
        if _AT_ONCE.intersection(came):
            os.kill(process, signal.SIGKILL)
        ended, status = os.waitpid(process, os.WNOHANG)
    for number in came:
        server.SIG_QUEUE.put(number)
    return status
