"""gunicorn's settings for the demo: ``gunicorn -c deploy/gunicorn.conf.py``.

The environment overrides: BIND, WEB_CONCURRENCY (workers), THREADS.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from wsgikit.gunicorn import post_worker_init, worker_exit  # noqa: F401 - gunicorn's hooks

wsgi_app = "deploy.wsgi:application"

# The folder that deploy and wsgikit are imported from, wherever gunicorn was started.
chdir = str(Path(__file__).resolve().parent.parent)

# Loopback only: the demo has no proxy before it that would take slow clients and TLS off it.
bind = os.environ.get("BIND") or "127.0.0.1:8000"

# One thread answers one request at a time, and waits for keep-alive clients cost no thread.
worker_class = "gthread"

# Two, so that one can restart while the other serves, and so that state kept in a process by
# mistake shows at once. For real work: about one for each core, because of the GIL.
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)

# Threads overlap waits for the database and for clients that read slowly; each stream holds one.
threads = int(os.environ.get("THREADS") or 8)

# Seconds that an idle connection is kept. A browser asks again within that, as does a proxy.
keepalive = 5

# Seconds that requests under way get when a worker is told to stop.
graceful_timeout = 10

# A file in /tmp may lie on a disk, where touching it can block a worker for seconds.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# One line a request, on standard output; of gunicorn's own only warnings, for the lines below
# say what a user wants to know.
accesslog = "-"
loglevel = "warning"

# Its socket has one place for all servers of a user, so two of them would be in each other's way.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Give up in one line when an address cannot be had; gunicorn itself tries for 5 seconds."""
    if "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ:
        return  # the sockets are open already: a restart, or systemd made them
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
    """Print the address and what to try."""
    url = str(server.LISTENERS[0])
    sys.stdout.write(
        f"""
wsgikit's demo is served on {url}/ by {workers} workers with {threads} threads each.
Open it in a browser (Ctrl+C stops it), or try:

  curl -i {url}/api/entries
  curl -i -d name=Ada -d message=Hello {url}/
  curl -i -X POST {url}/undone/raise      # writes, fails, is rolled back
  curl -N {url}/export.csv                # streamed; reads request, session and g.db
  curl -c jar -b jar {url}/bottle/        # the same session and g, in a Bottle app

"""
    )
    sys.stdout.flush()
