"""Which workers have come up. One that does not ends a server that starts, and none that serves."""

from __future__ import annotations

import mmap
import time
from struct import Struct
from typing import Any

_AGE = Struct("Q")
_SLOTS = 1024
"""More than come up in the life of one of them. Each server counts them, from 1 on: their ages."""
_PAUSE = 1
_FAILED = 1
"""An exit status at which gunicorn starts another worker, and does not give up."""


class Workers:
    """Some of a server's workers: in memory that processes forked from this one share with it."""

    def __init__(self) -> None:
        self._ages = mmap.mmap(-1, _AGE.size * _SLOTS)

    def add(self, worker: Any) -> None:
        """Tell all of the server's processes."""
        _AGE.pack_into(self._ages, _place(worker), worker.age)

    def __contains__(self, worker: Any) -> bool:
        return bool(_AGE.unpack_from(self._ages, _place(worker))[0] == worker.age)

    def __bool__(self) -> bool:
        """Whether there has ever been one."""
        return any(self._ages[:])


def _place(worker: Any) -> int:
    return int(worker.age % _SLOTS * _AGE.size)


come_up = Workers()
"""Those that are, or were, there to serve. Where there is one, the app is known to be sound."""


def outlive(server: Any) -> None:
    """Have another worker tried when this one, which was just forked, fails to boot."""
    if come_up:
        server.WORKER_BOOT_ERROR = server.APP_LOAD_ERROR = _FAILED


def wait_for_another_try(worker: Any) -> None:
    """Let a moment pass before a worker that failed to boot is replaced, unless it is to end."""
    until = time.monotonic() + _PAUSE
    while come_up and worker.alive and time.monotonic() < until:
        time.sleep(0.02)
