"""gunicorn with one threaded worker, on a free port of the loopback interface."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
THREADS = 8
"""As in deploy/gunicorn.conf.py."""
SECONDS = 30
"""A server may take so long to answer first, and to end."""


@contextmanager
def served(application: str, *, pinned: bool = False) -> Iterator[int]:
    """Serve ``module:name`` in this package, and give the port.

    :param pinned: keep the server on the last core.
    :raises OSError: the server does not answer.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        command = [sys.executable, "-m", "gunicorn", f"{__package__}.{application}"]
        command += ["--bind", f"fd://{listener.fileno()}", "--worker-class", "gthread"]
        command += ["--threads", str(THREADS), "--keep-alive", "60", "--log-level", "warning"]
        command += ["--no-control-socket"]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
        if pinned:
            os.sched_setaffinity(server.pid, {max(os.sched_getaffinity(0))})
        port = listener.getsockname()[1]
    try:
        wait_for_answer(port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


@contextmanager
def off_the_servers_core() -> Iterator[None]:
    """Keep this process, and the load that it starts, off the core of pinned servers."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {max(cores)} or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def wait_for_answer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        client.recv(1)
