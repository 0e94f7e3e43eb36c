"""What an app does once in each worker process: before it serves, and when it is over."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar
from weakref import ref

from .lifecycle import run_all
from .run_once import RunOnce

F = TypeVar("F", bound="Callable[[], Any]")

_apps: list[ref[Lifespan]] = []
"""Those of this process that have something to start or to end, in the order of their coming."""


class Lifespan:
    """Startup and shutdown of an ``App``, once a process; each function has an app context.

    A server with hooks for its workers calls both, for all apps: see ``wsgikit.gunicorn``. With any
    other, ``HooksMiddleware`` starts the app at its first request, and the interpreter ends it.
    """

    def __init__(self) -> None:
        self._startup = RunOnce()
        self._on_shutdown_funcs: list[Callable[[], Any]] = []
        self._started_in: int | None = None  # a process id; 0 once it is shut down
        self.is_started = False
        """Whether ``startup()`` has nothing to do."""

    def app_context(self) -> AbstractContextManager[Any]:
        """What the functions run in."""
        raise NotImplementedError

    def on_startup(self, f: F) -> F:
        """Call ``f()`` once in each worker, before it serves; again if it raises.

        Open here what must not be shared by processes: a pool of connections, a thread.
        """
        _remember(self)
        self._startup.add(partial(self._call_in_context, f))
        self.is_started = False
        return f

    def on_shutdown(self, f: F) -> F:
        """Call ``f()`` once when a worker that was started ends, the last registered first.

        It runs when no request is under way any more, and not when the process is killed.
        """
        if not self._on_shutdown_funcs:
            _remember(self)
            atexit.register(self.shutdown)
        self._on_shutdown_funcs.append(f)
        return f

    def startup(self) -> None:
        """Run what is left of the ``on_startup`` functions; other threads wait for that.

        Call it in the process that serves, never before a fork.
        """
        if self._started_in is None:
            self._started_in = os.getpid()
        self._startup()
        self.is_started = self._startup.done

    def shutdown(self) -> None:
        """Run the ``on_shutdown`` functions, all of them, unless that has been done.

        Does nothing where the app was not started: in a parent that forked the workers, or in a
        fork of a worker.
        """
        if self._started_in != os.getpid():
            return
        self._started_in = 0
        functions = self._on_shutdown_funcs[::-1]
        run_all([partial(self._call_in_context, function) for function in functions])

    def _call_in_context(self, function: Callable[[], Any]) -> None:
        with self.app_context():
            function()


def _remember(app: Lifespan) -> None:
    if app not in _remembered():
        _apps.append(ref(app, _apps.remove))


def _remembered() -> Iterator[Lifespan]:
    apps = [each() for each in _apps]
    return (app for app in apps if app is not None)


def startup() -> None:
    """Start every app of this process that has ``on_startup`` or ``on_shutdown`` functions."""
    for app in _remembered():
        app.startup()


def shutdown() -> None:
    """Shut them down, the last one first; an error in one keeps no other from it."""
    run_all([app.shutdown for app in [*_remembered()][::-1]])
