"""Requests a second of gunicorn's threaded worker, app by app."""

from __future__ import annotations

from contextlib import ExitStack

from ..gunicorn_server import THREADS, off_the_servers_core, served
from ..load import CONNECTIONS, find_wrk, load
from ..peers import OURS
from ..peers import load as load_peer
from ..results import Ratio, Section
from ..timing import Batch, Rounds, Spread, rounds_of, take_turns
from ..visitor import BROWSER
from ..workloads import visitor_cookie

ROUNDS = 10
SECONDS = 1.0
FREE, PINNED = "left to the system", "on a core of its own"
APPS = ("bare", OURS, "wsgikit_around_bare", "falcon", "bottle", "flask")


def measure(scale: float) -> Section:
    wrk = find_wrk()
    section = Section("throughput", "gunicorn, threaded worker", "requests a second")
    section.notes = [
        f"`hello` to visitors with a session; one worker, {THREADS} threads, {CONNECTIONS} "
        f"keep-alive connections, load by {'wrk' if wrk else 'our own clients (no wrk here)'}.",
        "Left to the system, the threads hand Python's lock from core to core in most rounds, at "
        "half the requests a second, and in some they do not. Kept on one core they never do.",
    ]
    for pinned in (False, True):
        add(section, PINNED if pinned else FREE, load_all(wrk, pinned, rounds_of(ROUNDS, scale)))
    return section


def load_all(wrk: str | None, pinned: bool, rounds: int) -> Rounds:
    with ExitStack() as servers:
        candidates = {}
        for name in APPS:
            port = servers.enter_context(served(f"peers.{name}_peer:hello", pinned=pinned))
            candidates[name] = loading(port, name, wrk)
        if pinned:
            servers.enter_context(off_the_servers_core())
        return take_turns(candidates, rounds, batch=0)


def loading(port: int, name: str, wrk: str | None) -> Batch:
    """Put the server under load for a while, and give the seconds that one request took."""
    cookie = visitor_cookie(load_peer(name)) or visitor_cookie(load_peer(OURS))
    headers = {**BROWSER, "Cookie": cookie}

    def batch(n: int) -> float:
        return n / load(port, headers, SECONDS, wrk)

    return batch


def add(section: Section, where: str, rounds: Rounds) -> None:
    for name, seconds in rounds.seconds.items():
        section.figures[f"{name}, {where}"] = Spread.of([1 / each for each in seconds])
    for name in APPS:
        if name != OURS:
            pair = f"{OURS} / {name}, {where}"
            section.ratios[pair] = Ratio(rounds.ratio(name, OURS), "higher")
