"""1 GiB through the chain, pulled in the process and sent by gunicorn."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import perf_counter
from wsgiref.types import WSGIApplication

from .. import chunks
from ..gunicorn_server import served
from ..results import Ratio, Section
from ..timing import Batch, Rounds, Spread, rounds_of, take_turns
from ..visitor import Answer, make_environ

ROUNDS = 15
GUNICORN_ROUNDS = 7
MB = 1_000_000
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
NOTES = [
    "1 GiB in chunks of 64 KiB, each read from a file that the system has in memory. In the "
    "process they are counted and dropped; gunicorn sends them to a client on the same machine."
]


def pull(app: WSGIApplication) -> int:
    body = app(make_environ("/"), Answer().start)
    size = 0
    for chunk in body:
        size += len(chunk)
    if hasattr(body, "close"):
        body.close()
    return size


def download(port: int) -> int:
    """The bytes of the whole response, with its head and the frames of its chunks."""
    size = 0
    buffer = memoryview(bytearray(2**20))
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(REQUEST)
        while received := client.recv_into(buffer):
            size += received
    return size


def streaming(stream: Callable[[], int]) -> Batch:
    def batch(n: int) -> float:
        begin = perf_counter()
        for _ in range(n):
            size = stream()
            assert size >= chunks.GIB, f"{size} bytes have come"
        return perf_counter() - begin

    return batch


def measure(scale: float) -> Section:
    section = Section("streaming", "Streaming 1 GiB", "MB/s", notes=NOTES)
    apps = {"bare": chunks.bare, "chain": chunks.chain}
    pulls = {name: streaming(lambda app=app: pull(app)) for name, app in apps.items()}
    add(section, "in the process", take_turns(pulls, rounds_of(ROUNDS, scale)))
    with served("chunks:bare") as bare, served("chunks:chain") as chain:
        ports = {"bare": bare, "chain": chain}
        loads = {name: streaming(lambda port=port: download(port)) for name, port in ports.items()}
        add(section, "by gunicorn", take_turns(loads, rounds_of(GUNICORN_ROUNDS, scale)))
    return section


def add(section: Section, where: str, rounds: Rounds) -> None:
    for name, seconds in rounds.seconds.items():
        rates = Spread.of([chunks.GIB / MB / each for each in seconds])
        section.figures[f"{name}, {where}"] = rates
    section.ratios[f"chain / bare, {where}"] = Ratio(rounds.ratio("bare", "chain"), "higher")
