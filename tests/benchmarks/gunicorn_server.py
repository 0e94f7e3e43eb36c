"""gunicorn with one threaded worker, on a free port of the loopback interface."""

from __future__ import annotations

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
def served(application: str) -> Iterator[int]:
    """Serve ``module:name`` in this package, and give the port.

    :raises OSError: the server does not answer.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        command = [sys.executable, "-m", "gunicorn", f"{__package__}.{application}"]
        command += ["--bind", f"fd://{listener.fileno()}", "--worker-class", "gthread"]
        command += ["--threads", str(THREADS), "--keep-alive", "60", "--log-level", "warning"]
        command += ["--no-control-socket"]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
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


def wait_for_answer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        client.recv(1)
