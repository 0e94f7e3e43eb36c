"""A gthread worker that stops: at once, or so that no client is lost."""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
from collections.abc import Iterable
from functools import partial
from types import FrameType
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .environ import CLOSE_CONNECTION


class Closable:
    """Lets the layers inside have the connection closed: no header of an app's may ask for it."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response: Any = getattr(start_response, "__self__", None)
        if hasattr(response, "force_close"):
            environ[CLOSE_CONNECTION] = response.force_close
        return self.app(environ, start_response)


def stop_well(worker: Any) -> None:
    """Have SIGTERM, SIGQUIT and Ctrl+C end a gthread worker as they should."""
    if hasattr(worker, "set_accept_enabled"):  # the others close their sockets themselves
        _close_sockets_at_stop(worker)
        _quit_in_the_loop(worker)


def _close_sockets_at_stop(worker: Any) -> None:
    """Have a gthread worker that stops close its sockets before it waits for what is under way.

    Left alone it keeps them open until its last response has ended. Clients connect to a socket
    that any process has open, whether someone accepts or not, and are cut off at the end.
    """
    set_accept_enabled = worker.set_accept_enabled

    def set_or_close(enabled: bool) -> None:
        set_accept_enabled(enabled)
        if worker.alive or enabled:
            return
        sockets, worker.sockets = worker.sockets, []
        for socket in sockets:
            _accept_waiting(worker, socket)
            socket.close()
        worker.log.info("Stopped accepting; %d connections are open", worker.nr_conns)

    worker.set_accept_enabled = set_or_close


def _quit_in_the_loop(worker: Any) -> None:
    """Have SIGQUIT and Ctrl+C end a gthread worker, whatever it is doing.

    A terminal sends the latter to all processes, and gunicorn's main one tells the workers once
    more. Their own handler, in the middle of what it interrupts, can wait for a lock that this
    holds, or leave a thread behind that nobody tells to end; so the worker's loop calls it.
    """
    quit_later = partial(worker.method_queue.defer, worker.handle_quit)
    signal.signal(signal.SIGINT, _leave_to_the_main_process)
    signal.signal(signal.SIGQUIT, lambda number, frame: quit_later(number, None))


def _leave_to_the_main_process(number: int, frame: FrameType | None) -> None:
    """Other than SIG_IGN it is not handed on to the programs that views start."""


def _accept_waiting(worker: Any, socket: Any) -> None:
    """Take who waits, up to as many connections as a worker may have: others may keep coming."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    for _ in range(worker.worker_connections - worker.nr_conns):
        if not poll.poll(0):
            return
        worker.accept(socket)


def end_despite_threads() -> NoReturn:
    """End this process as the interpreter does, but for its wait for the pool's threads."""
    status = getattr(sys.exception(), "code", 1)  # that of the SystemExit under way
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
