"""gunicorn's hooks that start and end the apps of a worker. One line of ``gunicorn.conf.py``:

>>> from wsgikit.gunicorn import post_worker_init, worker_exit

``post_worker_init`` and not ``post_fork``, for then the app is loaded, and gevent has patched. An
app that fails to start keeps the worker from booting, and a new deployment from going live.
"""

from typing import Any

from . import lifespan, metrics


def post_worker_init(worker: Any) -> None:
    """Run every app's ``on_startup`` functions before the worker takes requests."""
    lifespan.startup()


def worker_exit(server: Any, worker: Any) -> None:
    """Run every app's ``on_shutdown`` functions after the worker's last request."""
    lifespan.shutdown()


def child_exit(server: Any, worker: Any) -> None:
    """Take a worker that has ended, in whatever way, out of the gauges of MetricsMiddleware."""
    metrics.forget_process(worker.pid)
