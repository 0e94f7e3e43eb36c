"""Keep-alive clients that ask as fast as they are answered: wrk, or our own where there is none.

Ours holds all connections in one thread and parses no more of an answer than its length, so that
it uses a few microseconds where gunicorn uses a few hundred.
"""

from __future__ import annotations

import re
import selectors
import shutil
import socket
import subprocess
from collections.abc import Mapping
from time import perf_counter

CONNECTIONS = 32
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def find_wrk() -> str | None:
    return shutil.which("wrk")


def load(port: int, headers: Mapping[str, str], seconds: float, wrk: str | None) -> float:
    """Requests a second for ``/``.

    :param wrk: the program, or None for our own clients.
    :raises RuntimeError: an answer was no 200, or a connection broke.
    """
    if wrk:
        return load_with_wrk(wrk, port, headers, seconds)
    return load_with_sockets(port, headers, seconds)


def load_with_wrk(wrk: str, port: int, headers: Mapping[str, str], seconds: float) -> float:
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{port}/")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def load_with_sockets(port: int, headers: Mapping[str, str], seconds: float) -> float:
    lines = [b"GET / HTTP/1.1"]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    request = b"\r\n".join(lines) + HEAD_END
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            client = socket.create_connection(("127.0.0.1", port), timeout=30)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(client, selectors.EVENT_READ)
        try:
            return ask_in_turns(selector, request, seconds)
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()


def ask_in_turns(selector: selectors.BaseSelector, request: bytes, seconds: float) -> float:
    for key in selector.get_map().values():
        key.fileobj.sendall(request)
    answers = 0
    begin = perf_counter()
    while (taken := perf_counter() - begin) < seconds:
        for key, _ in selector.select(timeout=seconds):
            read_answer(key.fileobj)
            answers += 1
            key.fileobj.sendall(request)
    return answers / taken


def read_answer(client: socket.socket) -> None:
    """Read one answer, whole.

    :raises RuntimeError: it is no 200, or the server has hung up.
    """
    received = client.recv(65536)
    while HEAD_END not in received or len(received) < expected_length(received):
        more = client.recv(65536)
        if not more:
            raise RuntimeError(f"The server hung up after {received!r}.")
        received += more
    if not received.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"The server answered {received!r}.")


def expected_length(received: bytes) -> int:
    """The bytes of an answer whose head is there.

    :raises RuntimeError: it does not say.
    """
    head = received.index(HEAD_END)
    found = LENGTH.search(received, 0, head)
    if not found:
        raise RuntimeError(f"The answer has no Content-Length: {received!r}")
    return head + len(HEAD_END) + int(found[1])
