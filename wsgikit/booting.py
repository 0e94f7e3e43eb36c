"""Which workers have come up. One that does not ends a server that starts, and none that serves."""

from __future__ import annotations

import mmap
import time
from struct import Struct
from typing import Any

_AGE = Struct("Q")
_SLOTS = 1024
"""More than there are workers at the same time. Each server counts them, from 1 on: their ages."""
_ages = mmap.mmap(-1, _AGE.size * _SLOTS)
"""Those that have come up, in memory that processes forked from this one share with it."""
_PAUSE = 1
_FAILED = 1
"""An exit status at which gunicorn starts another worker, and does not give up."""


def say_booted(worker: Any) -> None:
    """Say to all of the server's processes that this one has come up."""
    _AGE.pack_into(_ages, _place(worker), worker.age)


def has_come_up(worker: Any) -> bool:
    """Whether the worker is, or was, there to serve."""
    return bool(_AGE.unpack_from(_ages, _place(worker))[0] == worker.age)


def has_booted() -> bool:
    """Whether a worker of this server has ever come up, so that the app is known to be sound."""
    return any(_ages[:])


def _place(worker: Any) -> int:
    return int(worker.age % _SLOTS * _AGE.size)


def outlive(server: Any) -> None:
    """Have another worker tried when this one, which was just forked, fails to boot."""
    if has_booted():
        server.WORKER_BOOT_ERROR = server.APP_LOAD_ERROR = _FAILED


def wait_for_another_try(worker: Any) -> None:
    """Let a moment pass before a worker that failed to boot is replaced, unless it is to end."""
    until = time.monotonic() + _PAUSE
    while has_booted() and worker.alive and time.monotonic() < until:
        time.sleep(0.02)
