"""Counts and times requests for Prometheus."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.environ import PROXY_ORIGINAL
from wsgikit.errors import ConfigurationError
from wsgikit.exchange import Exchange, observe
from wsgikit.layer import Layer
from wsgikit.metrics import FOLDER, metrics_app, request_metrics
from wsgikit.proxy_headers import came_by_proxy
from wsgikit.run_once import RunOnce
from wsgikit.trusted_peers import TrustedPeers

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

logger = logging.getLogger("wsgikit.metrics")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_OTHER = "OTHER"
_NO_RULE = "(none)"
_ONE_OF_SEVERAL = (
    "The metrics shown are those of one of several processes, and the next ones may be another's. "
    f"Set {FOLDER} to an empty folder before the server starts: this is logged once."
)


class MetricsMiddleware(Layer):
    """Count requests, time them, and show the figures to Prometheus.

    :param app: the WSGI app inside.
    :param path: where GET shows them; None: nowhere, see ``wsgikit.metrics.metrics_app``.
    :param allowed: IP addresses, networks and ``"unix"``: the peers that are shown them when they
        ask directly. Others, and whose request has a header by which proxies speak of clients, find
        what the app has at ``path``.
    :param buckets: the upper limits of the histograms, in seconds; default prometheus-client's.
    :param registry: where the metrics are registered; default prometheus-client's own.
    :raises ConfigurationError: ``path`` has no slash in front, ``allowed`` is no list of networks,
        the registry has the metrics with other buckets, or PROMETHEUS_MULTIPROC_DIR is no folder
        that can be written to.
    :raises MissingExtraError: prometheus-client is not installed (extra ``metrics``).

    ``http_requests_total`` has labels method, rule and status; ``http_request_duration_seconds``
    and ``http_response_start_seconds`` method and rule; ``http_responses_aborted_total`` a reason
    too; ``http_requests_in_flight`` the method. The rule is that of the route, ``(none)`` where the
    ``App`` has none or another framework answers; never the path, of which there is no end.

    A proxy at an allowed address that sets no such header shows them to everybody: have it set one,
    as ``ProxyMiddleware`` needs, or refuse ``path``; or show them at a port of its own alone.

    With several worker processes set PROMETHEUS_MULTIPROC_DIR and use ``child_exit`` of
    ``wsgikit.gunicorn``. Place it inside ``ProxyMiddleware``, which tells whom a proxy speaks for,
    and outside all that answers. Reads ``environ["wsgikit.context"]`` for the rule.
    """

    uses = (PROXY_ORIGINAL,)
    observes = True

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        path: str | None = "/metrics",
        allowed: Iterable[str] = ("127.0.0.0/8", "::1"),
        buckets: Sequence[float] | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        super().__init__(app)
        if path is not None and not path.startswith("/"):
            raise ConfigurationError(f"{path!r} is no path.\n\nWrite {'/' + path!r}.")
        self.path = path
        self._allowed = TrustedPeers(allowed)
        self._metrics = request_metrics(registry, buckets)
        self._show = metrics_app(registry)
        self._warn_of_several = RunOnce()
        self._warn_of_several.add(lambda: logger.error(_ONE_OF_SEVERAL))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_to_be_shown(environ):
            if environ["wsgi.multiprocess"] and FOLDER not in os.environ:
                self._warn_of_several()
            return self._show(environ, start_response)
        method = environ.get("REQUEST_METHOD")
        if method not in _METHODS:
            method = _OTHER
        self._metrics.in_flight.labels(method).inc()
        return observe(self.call_app, environ, start_response, partial(self._count, method))

    def _is_to_be_shown(self, environ: WSGIEnvironment) -> bool:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if path != self.path or environ.get("REQUEST_METHOD") != "GET":
            return False
        return environ.get("REMOTE_ADDR", "") in self._allowed and not came_by_proxy(environ)

    def _count(self, method: str, exchange: Exchange) -> None:
        metrics, rule = self._metrics, exchange.rule or _NO_RULE
        metrics.in_flight.labels(method).dec()
        metrics.requests.labels(method, rule, exchange.status or "none").inc()
        metrics.duration.labels(method, rule).observe(exchange.seconds)
        if exchange.started is not None:
            metrics.start.labels(method, rule).observe(exchange.started)
        if exchange.aborted:
            metrics.aborted.labels(method, rule, exchange.aborted).inc()
