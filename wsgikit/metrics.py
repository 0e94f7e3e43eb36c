"""The Prometheus metrics of requests, and the app that shows them. Needs the extra ``metrics``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_ODD_VERSION = re.compile(r"version=(?![0-9]{1,9}(?:\.[0-9]{1,9}){2}[ \t]*(?:[;,]|\Z))")
"""In an Accept header, what prometheus-client cannot compare with the versions that it knows."""

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the folder where all processes keep their values."""


class RequestMetrics:
    """What is counted of requests. Each has labels, so that no file is opened before the first.

    A process that forks its workers when the app is loaded must not hand them a file of its own.
    """

    def __init__(self, client: ModuleType, registry: Any, buckets: Sequence[float]) -> None:
        self.buckets = buckets = tuple(buckets)
        self.requests = client.Counter(
            "http_requests_total",
            "Requests whose response is over.",
            ["method", "rule", "status"],
            registry=registry,
        )
        self.aborted = client.Counter(
            "http_responses_aborted_total",
            "Responses that were cut: the client left, an error came, or the worker ended.",
            ["method", "rule", "reason"],
            registry=registry,
        )
        self.in_flight = client.Gauge(
            "http_requests_in_flight",
            "Requests whose response is not over.",
            ["method"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.start = client.Histogram(
            "http_response_start_seconds",
            "Time until status and headers are known.",
            ["method", "rule"],
            registry=registry,
            buckets=buckets,
        )
        self.duration = client.Histogram(
            "http_request_duration_seconds",
            "Time until the body is closed.",
            ["method", "rule"],
            registry=registry,
            buckets=buckets,
        )


_made: WeakKeyDictionary[CollectorRegistry, RequestMetrics] = WeakKeyDictionary()
_lock = Lock()


def request_metrics(
    registry: CollectorRegistry | None, buckets: Sequence[float] | None
) -> RequestMetrics:
    """The metrics in ``registry``, made once: two chains of one process count together.

    :param registry: default: the one that prometheus-client's metrics are in by default.
    :param buckets: the upper limits of the histograms, in seconds; default prometheus-client's.
    :raises ConfigurationError: they are there with other buckets, or these do not ascend.
    :raises MissingExtraError: prometheus-client is not installed.
    """
    client = _client()
    registry = client.REGISTRY if registry is None else registry
    wanted = tuple(client.Histogram.DEFAULT_BUCKETS if buckets is None else buckets)
    are_numbers = all(isinstance(limit, int | float) for limit in wanted)
    if not (wanted and are_numbers) or any(a >= b for a, b in pairwise(wanted)):
        raise ConfigurationError(
            f"The buckets {wanted} do not ascend.\n\nWrite seconds, such as [0.1, 1, 10]."
        )
    with _lock:
        made = _made.get(registry)
        if made is None:
            made = _made[registry] = RequestMetrics(client, registry, wanted)
    if made.buckets != wanted:
        raise ConfigurationError(
            f"The registry has these metrics with the buckets {made.buckets} already.\n\n"
            "Give both layers the same buckets, or each a registry of its own."
        )
    return made


def metrics_app(registry: CollectorRegistry | None = None) -> WSGIApplication:
    """A WSGI app that shows all metrics, for a port of its own that only Prometheus can reach.

    :param registry: what to show; default prometheus-client's own. With PROMETHEUS_MULTIPROC_DIR
        in the environment it shows what all processes have in that folder instead.
    :raises ConfigurationError: that is no folder.
    :raises MissingExtraError: prometheus-client is not installed.
    """
    client = _client()
    if FOLDER in os.environ:
        registry = _of_all_processes(client)
    show = client.make_wsgi_app(client.REGISTRY if registry is None else registry)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _ODD_VERSION.search(environ.get("HTTP_ACCEPT", "")):
            environ = environ | {"HTTP_ACCEPT": "text/plain"}
        return show(environ, start_response)  # type: ignore[no-any-return]

    return app


def _of_all_processes(client: ModuleType) -> CollectorRegistry:
    from prometheus_client.multiprocess import MultiProcessCollector

    registry: CollectorRegistry = client.CollectorRegistry()
    folder = Path(os.environ[FOLDER])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(_no_folder(error.strerror)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(_no_folder("this user may not write there"))
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _no_folder(reason: str | None) -> str:
    return (
        f"{FOLDER}={os.environ[FOLDER]!r} is no folder for metrics: {reason}.\n\n"
        "Name one that the workers may write to, and that is empty at each start of the server."
    )


def empty_folder(uid: int, gid: int) -> None:
    """Make the folder of all processes, if one is named, without what a former server has counted.

    :param uid: whose it is to be, as far as this process may give it away.
    :param gid: the same of its group.
    """
    name = os.environ.get(FOLDER)
    if name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.db"):
            file.unlink()
        with suppress(PermissionError):
            os.chown(folder, uid, gid)


def forget_process(pid: int) -> None:
    """Take a process that has ended out of the gauges.

    Does nothing where no folder is set, or prometheus-client, without which there are no gauges, is
    not installed.
    """
    if FOLDER in os.environ:
        try:
            from prometheus_client.multiprocess import mark_process_dead
        except ImportError:
            return
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _client() -> ModuleType:
    # Imported here, because only who wants metrics has it installed.
    try:
        import prometheus_client
    except ImportError as error:
        raise MissingExtraError("prometheus_client", "metrics", "MetricsMiddleware") from error
    return prometheus_client
