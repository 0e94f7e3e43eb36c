"""gunicorn's hooks: the apps' start and end, and a stop that fails no request.

One line of ``gunicorn.conf.py``, or all of it: ``gunicorn -c python:wsgikit.gunicorn``.

>>> from wsgikit.gunicorn import (
...     child_exit, on_starting, post_fork, post_worker_init, when_ready, worker_exit
... )

A configuration that has one of these itself calls ours in it, and in ``worker_exit`` at its end.

A server that starts ends when its app fails to. One that has served goes on: a worker that fails to
boot, say at a replacement while the database is away, is logged and tried again each second. At a
reload (SIGHUP), and after ``max_requests``, a worker ends when a new one has come up in its place:
as long as that does not load or start, it goes on. Settings that do not load change nothing, nor do
those that name a new address. From SIGTERM on:

1. :func:`~wsgikit.draining.is_draining` is True in all workers: ``HealthMiddleware`` is not ready,
   ``DrainMiddleware`` lets no connection be kept.
2. For ``DRAIN_SECONDS`` (environment; default 5, 0: none) all else goes on, so that load balancers
   see that first. Another SIGTERM changes nothing; SIGINT and SIGQUIT stop the server at once.
3. gunicorn stops its workers. They take what waits in the sockets' queues and close these, so a
   client that comes now is refused at once and does not wait for the streams under way.
4. What is under way gets gunicorn's ``graceful_timeout``, counted from 3, and ``on_shutdown`` two
   seconds more. So give whatever ends the server by force more than ``DRAIN_SECONDS`` and
   ``graceful_timeout`` together, and these.

The signal belongs to the main process alone: ``KillMode=mixed`` in systemd. A reload (SIGHUP)
drains nothing, and so does the stop of one of two servers at an upgrade (SIGUSR2).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from . import exchange, lifespan, metrics
from .booting import come_up, outlive, wait_for_another_try
from .draining import is_draining, is_stopping, start_draining, start_stopping
from .errors import ConfigurationError
from .replacement import ask_for_successor, replace_well, replaces_well
from .threaded_worker import Closable, end_despite_threads, stop_well

DRAIN_SECONDS = "DRAIN_SECONDS"
"""The environment's variable."""
_TO_END = 2
"""Seconds that the main process waits for workers longer than these for what is under way."""


def on_starting(server: Any) -> None:
    """Empty the folder of MetricsMiddleware, and give it to the user whom the workers run as."""
    if "GUNICORN_PID" not in os.environ:  # else SIGUSR2 was sent, and the one before still counts
        metrics.empty_folder(server.cfg.uid, server.cfg.gid)


def when_ready(server: Any) -> None:
    """Delay the server's stop by ``DRAIN_SECONDS``, in which it says so; and see ``replace_well``.

    :raises ConfigurationError: ``DRAIN_SECONDS`` is no number of seconds.
    """
    _drain_at_sigterm(server)
    replace_well(server)
    # SIGUSR2 runs it again: gunicorn itself knows the file that ``python -m`` has run, not the name
    server.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]


def _drain_at_sigterm(server: Any) -> None:
    seconds = _drain_seconds()
    told_to_stop: Any = signal.getsignal(signal.SIGTERM)
    main_process = os.getpid()

    def stop_alone(number: int, frame: FrameType | None) -> None:
        # The workers look at the clock each second, and are to end by themselves: SIGKILL would
        # leave no time for on_shutdown, nor for what they log.
        server.cfg.set("graceful_timeout", server.cfg.graceful_timeout + _TO_END)
        told_to_stop(signal.SIGTERM, frame)

    def stop(number: int, frame: FrameType | None) -> None:
        start_stopping()
        stop_alone(number, frame)

    def drain(number: int, frame: FrameType | None) -> None:
        if os.getpid() != main_process:
            told_to_stop(number, frame)  # this is a worker that boots
        elif _has_twin(server):
            stop_alone(number, frame)  # the other one goes on at this address
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


def post_fork(server: Any, worker: Any) -> None:
    """Keep a worker that fails to boot from ending a server that has served.

    And one that has answered ``max_requests`` from ending without another one in its place. Does
    nothing without ``when_ready``, by which the main process sees to that.
    """
    if replaces_well(server):
        outlive(server)
        ask_for_successor(worker)


def post_worker_init(worker: Any) -> None:
    """Run every app's ``on_startup`` functions before the worker takes requests.

    And not ``post_fork``, for now the app is loaded, and gevent has patched. An app that fails to
    start keeps the worker from booting, and a new deployment from going live.
    """
    lifespan.startup()
    come_up.add(worker)
    if is_stopping():  # which it was told before it could hear it: it has no handlers for a moment
        worker.alive = False
    worker.wsgi = Closable(worker.wsgi)
    stop_well(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Run every app's ``on_shutdown`` functions after the worker's last request.

    SIGINT, SIGQUIT and the end of ``graceful_timeout`` leave requests under way, which are logged
    and counted as cut. The process ends here then: the interpreter would wait for their threads.
    """
    if worker.pid != os.getpid():
        return  # the main process calls this too, of a worker whose end it has missed
    exchange.cut_all()  # first, for on_shutdown may take longer than the main process waits
    try:
        lifespan.shutdown()
    except Exception:
        server.log.exception("An on_shutdown function failed")
    if not worker.booted:
        wait_for_another_try(worker)
    elif getattr(worker, "nr_conns", 0):
        end_despite_threads()


def child_exit(server: Any, worker: Any) -> None:
    """Take a worker that has ended, in whatever way, out of the gauges of MetricsMiddleware."""
    if come_up and worker not in come_up:
        server.log.error("Worker %d did not come up: those that serve go on", worker.pid)
    try:
        metrics.forget_process(worker.pid)
    except Exception:  # or it would end the server
        server.log.exception("The metrics of worker %d are not forgotten", worker.pid)
