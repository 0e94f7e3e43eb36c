"""The whole chain as production has it, in the order in which a request travels.

Settings come from the environment, as in ``WSGIKIT_TRUSTED_HOSTS='["example.org"]'``; secrets from
files.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from wsgikit import App, Pipeline, health_checks
from wsgikit.log_context import RequestIDFilter
from wsgikit.middleware import (
    AccessLogMiddleware,
    ContextMiddleware,
    DeadlineMiddleware,
    DrainMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HealthMiddleware,
    HooksMiddleware,
    HostMiddleware,
    HTTPSMiddleware,
    MetricsMiddleware,
    ProxyMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    session_options,
)
from wsgikit.sessions import make_store

SETTINGS: dict[str, Any] = {
    "SESSION_STORE": "memory:",  # redis://host/0; a memory is of one process
    "SESSION_COOKIE_NAME": None,  # __Host-session; without __Host- where HTTPS is false
    "TRUSTED_PROXIES": ["unix"],  # nginx: by its socket, or its network
    "TRUSTED_HOSTS": [],  # the names of the site
    "METRICS_READERS": ["127.0.0.1", "::1"],  # Prometheus
    "HTTPS": True,  # send those who come by http to https
    "SECONDS": 50,  # after which nobody waits for an answer any more
}


def secrets() -> dict[str, str | list[str]]:
    """What the files in ``$CREDENTIALS_DIRECTORY`` hold, by their names.

    systemd makes such a folder out of ``LoadCredential=``, Docker and Kubernetes of their secrets;
    other than the environment it is not seen by child processes, crash reports and ``inspect``.
    ``SECRET_KEY_FALLBACKS`` has one key a line, and may be empty.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        return {}
    files = [path for path in Path(folder).iterdir() if path.is_file()]
    return {path.name: _read(path) for path in files}


def _read(path: Path) -> str | list[str]:
    text = path.read_text().strip()
    return text.split() if path.name == "SECRET_KEY_FALLBACKS" else text


def configure(app: App) -> None:
    """Read the settings, and send what is logged to the server's own output.

    Each request is an object in JSON on standard output; all else is text on standard error, with
    the request's id.
    """
    app.config.from_mapping(SETTINGS)
    app.config.from_prefixed_env()
    app.config.from_mapping(secrets())
    if app.config["SESSION_COOKIE_NAME"] is None:  # browsers take a __Host- cookie by https alone
        name = "__Host-session" if app.config["HTTPS"] else "wsgikit_session"
        app.config["SESSION_COOKIE_NAME"] = name
    others = logging.StreamHandler(sys.stderr)
    others.addFilter(RequestIDFilter())
    others.setFormatter(logging.Formatter("%(levelname)s %(name)s [%(request_id)s] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[others])
    access = logging.getLogger("wsgikit.access")
    access.propagate = False
    access.addHandler(logging.StreamHandler(sys.stdout))


def production(
    app: App,
    inner: WSGIApplication | None = None,
    *,
    checks: Mapping[str, Callable[[], object]] | None = None,
    **providers: Any,
) -> WSGIApplication:
    """Put the chain around ``app``, or around another app whose ``current_app`` it is.

    :param checks: by name, what the site cannot do without beside the session store.
    :param providers: those of ``g``, as in ``GMiddleware``.
    """
    config = app.config
    store = make_store(config["SESSION_STORE"])
    session = {**session_options(config), "store": store}
    checks = {"sessions": health_checks.session_store(store), **(checks or {})}
    return (
        Pipeline()
        # Outermost: probes come by http, with the host's own address as Host, and into no log.
        .use(HealthMiddleware, checks=checks)
        # Corrects address and scheme, which all others read, and takes out what clients claim.
        .use(ProxyMiddleware, trusted=config["TRUSTED_PROXIES"])
        # Before all that logs: nginx's id, so that its log and ours speak of the same request.
        .use(RequestIDMiddleware)
        # Around all that answers, so that refusals are logged and counted too.
        .use(AccessLogMiddleware, format="json")
        .use(MetricsMiddleware, allowed=config["METRICS_READERS"])
        # Before all that makes links and redirects out of the host.
        .use(HostMiddleware, trusted=config["TRUSTED_HOSTS"])
        .use(HTTPSMiddleware, redirect=config["HTTPS"])
        # From SIGTERM on it has connections closed.
        .use(DrainMiddleware)
        # Refuses what has waited too long, before it costs anything.
        .use(DeadlineMiddleware, seconds=config["SECONDS"])
        # From here on request, session, g and current_app are there: deploy/wsgi.py says more.
        .use(ContextMiddleware, current_app=app)
        .use(ErrorMiddleware)
        .use(SessionMiddleware, **session)
        .use(GMiddleware, **providers)
        .use(HooksMiddleware)
        .run(inner or app)
    )
