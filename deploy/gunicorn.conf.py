"""gunicorn's settings, for the demo and for production: ``gunicorn -c deploy/gunicorn.conf.py``.

With ``deploy.production:application`` behind it, it serves that instead of the demo. The
environment overrides: BIND, WEB_CONCURRENCY (workers), THREADS, KEEPALIVE, GRACEFUL_TIMEOUT,
MAX_REQUESTS, ACCESS_LOG, FORWARDED_ALLOW_IPS, CONTROL_SOCKET; and DRAIN_SECONDS, of which
wsgikit's hooks of gunicorn say more.
"""

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from wsgikit import gunicorn as hooks
from wsgikit.gunicorn import post_fork, post_worker_init, worker_exit  # noqa: F401 - gunicorn's hooks

wsgi_app = "deploy.wsgi:application"

# The folder that deploy and wsgikit are imported from, wherever gunicorn was started.
chdir = str(Path(__file__).resolve().parent.parent)

# Loopback only: from outside it needs a proxy before it, which takes slow clients and TLS off it.
bind = os.environ.get("BIND") or "127.0.0.1:8000"

# One thread answers one request at a time, and waits for keep-alive clients cost no thread.
worker_class = "gthread"

# One for each core: because of the GIL a process uses about one. Two at least, so that one can
# restart while the other serves, and so that state kept in a process by mistake shows at once.
workers = int(os.environ.get("WEB_CONCURRENCY") or max(2, hooks.usable_cores()))

# Threads overlap waits for the database and for clients that read slowly; each stream holds one.
# More of them make single requests slower, and want more connections to the database: each process
# may need as many as it has threads.
threads = int(os.environ.get("THREADS") or 8)

# Seconds without a heartbeat after which a worker is killed. With threads that is no limit of a
# request: the main thread beats while the others work. It ends a process that hangs as a whole.
# For requests there is DeadlineMiddleware.
timeout = 30

# Seconds that an idle connection is kept. Longer than the proxy keeps it (nginx and AWS: 60), so
# that the proxy closes it, and never sends a request on one that is just being closed here.
keepalive = int(os.environ.get("KEEPALIVE") or 75)

# Seconds that requests under way get when a worker is told to stop: longer than the longest stream.
# At a stop DRAIN_SECONDS come before that, and two seconds for on_shutdown after it; what kills
# gunicorn after a while must allow for that.
graceful_timeout = int(os.environ.get("GRACEFUL_TIMEOUT") or 40)

# A worker that has answered so many is replaced, which bounds what a leak can take; the jitter
# keeps the workers from doing so at the same time, and the hooks from ending one before another is
# there. 0: never.
max_requests = int(os.environ.get("MAX_REQUESTS") or 20_000)
max_requests_jitter = max_requests // 10

# Each worker loads the app by itself: a reload (SIGHUP) brings new code then, and nothing that was
# opened while loading, such as a connection or a thread, is shared by two processes. By the hooks
# old workers end when new ones have come up in their place, so code that does not load or start
# changes nothing. wsgikit itself is loaded by this file, so a new version of it takes a restart. An
# app that opens in on_startup what it needs can be preloaded too (--preload), as that runs in the
# workers; then its code is new only after a restart.
preload_app = False

# Whose X-Forwarded-Proto gunicorn itself believes: nobody's, for that is ProxyMiddleware's to say,
# once for all of these headers. On a Unix socket gunicorn believes whoever opens it, so it is told
# not to look for any.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "")
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# A file in /tmp may lie on a disk, where touching it can block a worker for seconds.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# A file, or "-" for standard output. None where AccessLogMiddleware logs, which knows the route,
# the request's id and when the client has left: each request would be logged twice.
accesslog = os.environ.get("ACCESS_LOG") or None

# Of gunicorn's own, on standard error, only what is not as usual.
loglevel = "warning"

# A socket by which gunicornc commands the server. Its default place is one for all servers of a
# user, so two of them would be in each other's way.
control_socket_disable = not os.environ.get("CONTROL_SOCKET")
if not control_socket_disable:
    control_socket = os.environ["CONTROL_SOCKET"]


class JSONLogger(Logger):  # type: ignore[misc] # it has no types
    """Logs one object a request: no client can end its line, nor make up another."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        if not self.cfg.accesslog:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "client": environ.get("REMOTE_ADDR"),
            "method": req.method,
            "path": req.path,  # without the query, in which secrets may be
            "status": resp.status and int(resp.status[:3]),
            "bytes": resp.sent,
            "seconds": request_time.total_seconds(),
            "user_agent": environ.get("HTTP_USER_AGENT"),
        }
        self.access_log.info("%s", json.dumps(line))


logger_class = JSONLogger


# The gauges of MetricsMiddleware forget a worker that has ended.
child_exit = hooks.child_exit


def on_starting(server: Any) -> None:
    """Give up in one line when an address cannot be had; gunicorn itself tries for 5 seconds."""
    hooks.on_starting(server)
    if os.environ.keys() & {"GUNICORN_PID", "LISTEN_FDS"}:
        return  # the sockets are those of the one before, at SIGUSR2, or systemd's
    for address in server.cfg.address:
        if isinstance(address, tuple):
            _check_free(*address)


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(
                f"Cannot serve on {host}:{port}: {error.strerror}. "
                "Choose another address: make serve BIND=127.0.0.1:8001"
            )


def when_ready(server: Any) -> None:
    """Stop as a load balancer needs it; of the demo, print the address and what to try."""
    hooks.when_ready(server)
    if getattr(server.app, "app_uri", None) != wsgi_app:
        return
    url, count, each = str(server.LISTENERS[0]), server.cfg.workers, server.cfg.threads
    sys.stdout.write(
        f"""
wsgikit's demo is served on {url}/ by {count} workers with {each} threads each.
Open it in a browser (Ctrl+C stops it), or try:

  curl -i {url}/api/entries
  curl -i -d name=Ada -d message=Hello {url}/
  curl -i -X POST {url}/undone/raise      # writes, fails, is rolled back
  curl -N {url}/export.csv                # streamed; reads request, session and g.db
  curl -c jar -b jar {url}/bottle/        # the same session and g, in a Bottle app

"""
    )
    sys.stdout.flush()
