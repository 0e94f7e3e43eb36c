"""A worker that does not come up: it ends a server that starts, and none that has served."""

from __future__ import annotations

import mmap
import time
from typing import Any

_flag = mmap.mmap(-1, 1)
"""Memory that processes forked from this one share with it."""
_PAUSE = 1
_FAILED = 1
"""An exit status at which gunicorn starts another worker, and does not give up."""


def has_booted() -> bool:
    """Whether a worker of this server has ever come up, so that the app is known to be sound."""
    return _flag[0] != 0


def say_booted() -> None:
    """Say so to all of the server's processes."""
    _flag[0] = 1


def outlive(server: Any) -> None:
    """Have another worker tried when this one, which was just forked, fails to boot."""
    if has_booted():
        server.WORKER_BOOT_ERROR = server.APP_LOAD_ERROR = _FAILED


def wait_for_another_try(worker: Any) -> None:
    """Let a moment pass before a worker that failed to boot is replaced, unless it is to end."""
    until = time.monotonic() + _PAUSE
    while has_booted() and worker.alive and time.monotonic() < until:
        time.sleep(0.02)
