"""gunicorn's hooks: the apps' start and end, and a stop that fails no request.

One line of ``gunicorn.conf.py``, or all of it: ``gunicorn -c python:wsgikit.gunicorn``.

>>> from wsgikit.gunicorn import child_exit, post_worker_init, when_ready, worker_exit

A configuration that has one of these itself calls ours in it. From SIGTERM on:

1. :func:`~wsgikit.draining.is_draining` is True in all workers: ``HealthMiddleware`` is not ready,
   ``DrainMiddleware`` lets no connection be kept.
2. For ``DRAIN_SECONDS`` (environment; default 5, 0: none) all else goes on, so that load balancers
   see that first. Another SIGTERM changes nothing; SIGINT and SIGQUIT stop the server at once.
3. gunicorn stops its workers. They take what waits in the sockets' queues and close these, so a
   client that comes now is refused at once and does not wait for the streams under way.
4. What is under way gets gunicorn's ``graceful_timeout``, counted from 3. So give whatever ends the
   server by force more than ``DRAIN_SECONDS`` and ``graceful_timeout`` together.

The signal belongs to the main process alone: ``KillMode=mixed`` in systemd. A reload (SIGHUP)
drains nothing, and so does the stop of one of two servers at an upgrade (SIGUSR2).
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from . import lifespan, metrics
from .draining import is_draining, is_stopping, start_draining, start_stopping
from .environ import CLOSE_CONNECTION
from .errors import ConfigurationError

DRAIN_SECONDS = "DRAIN_SECONDS"
"""The environment's variable."""


def when_ready(server: Any) -> None:
    """Delay the stop of the server by ``DRAIN_SECONDS``, in which it says that it will stop.

    :raises ConfigurationError: ``DRAIN_SECONDS`` is no number of seconds.
    """
    seconds = _drain_seconds()
    told_to_stop: Any = signal.getsignal(signal.SIGTERM)
    main_process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        start_stopping()
        told_to_stop(signal.SIGTERM, frame)

    def drain(number: int, frame: FrameType | None) -> None:
        if os.getpid() != main_process or _has_twin(server):
            told_to_stop(number, frame)  # in a worker that boots; or others go on at this address
        elif not is_draining():
            start_draining()
            if seconds:
                signal.signal(signal.SIGALRM, stop)
                signal.setitimer(signal.ITIMER_REAL, seconds)
            else:
                stop(number, frame)

    signal.signal(signal.SIGTERM, drain)


def _has_twin(server: Any) -> bool:
    """Whether SIGUSR2 has started another one at the same address, or has started this one."""
    return bool(server.reexec_pid) or 0 != server.master_pid == os.getppid()


def _drain_seconds() -> float:
    text = os.environ.get(DRAIN_SECONDS) or "5"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise ConfigurationError(
            f"{DRAIN_SECONDS}={text!r} is no number of seconds.\n\n"
            "Write how long your load balancer needs to notice that /readyz fails, such as 5; or 0."
        )
    return seconds


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The cores that this process may use; in a container, those of its limit, rounded up."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    try:
        limit, period = map(int, quota.read_text().split())
    except (OSError, ValueError):  # no such file, or "max"
        return cores
    return min(cores, -(-limit // period))


def post_worker_init(worker: Any) -> None:
    """Run every app's ``on_startup`` functions before the worker takes requests.

    And not ``post_fork``, for now the app is loaded, and gevent has patched. An app that fails to
    start keeps the worker from booting, and a new deployment from going live.
    """
    lifespan.startup()
    if is_stopping():  # which it was told before it could hear it: it has no handlers for a moment
        worker.alive = False
    worker.wsgi = _Closable(worker.wsgi)
    if hasattr(worker, "set_accept_enabled"):  # gthread; the others close their sockets themselves
        _close_sockets_at_stop(worker)
        _quit_in_the_loop(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Run every app's ``on_shutdown`` functions after the worker's last request."""
    lifespan.shutdown()


def child_exit(server: Any, worker: Any) -> None:
    """Take a worker that has ended, in whatever way, out of the gauges of MetricsMiddleware."""
    try:
        metrics.forget_process(worker.pid)
    except Exception:  # or it would end the server
        server.log.exception("The metrics of worker %d are not forgotten", worker.pid)


class _Closable:
    """Lets the layers inside have the connection closed: no header of an app's may ask for it."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response: Any = getattr(start_response, "__self__", None)
        if hasattr(response, "force_close"):
            environ[CLOSE_CONNECTION] = response.force_close
        return self.app(environ, start_response)


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, lambda number, frame: quit_later(number, None))


def _accept_waiting(worker: Any, socket: Any) -> None:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    while poll.poll(0):
        worker.accept(socket)
