"""Requests a second of gunicorn's threaded worker, app by app."""

from __future__ import annotations

from contextlib import ExitStack

from ..gunicorn_server import THREADS, served
from ..load import CONNECTIONS, find_wrk, load
from ..peers import OURS
from ..peers import load as load_peer
from ..results import Ratio, Section
from ..timing import Batch, Rounds, Spread, rounds_of, take_turns
from ..visitor import BROWSER
from ..workloads import visitor_cookie

ROUNDS = 12
SECONDS = 1.0
APPS = ("bare", OURS, "wsgikit_around_bare", "falcon", "bottle", "flask")


def measure(scale: float) -> Section:
    wrk = find_wrk()
    section = Section("throughput", "gunicorn, threaded worker", "requests a second")
    section.notes.append(
        f"`hello` to visitors with a session; one worker, {THREADS} threads, {CONNECTIONS} "
        f"keep-alive connections, load by {'wrk' if wrk else 'our own clients (no wrk here)'}."
    )
    with ExitStack() as servers:
        candidates = {}
        for name in APPS:
            port = servers.enter_context(served(f"peers.{name}_peer:hello"))
            candidates[name] = loading(port, name, wrk)
        rounds = take_turns(candidates, rounds_of(ROUNDS, scale), batch=0)
    add(section, rounds)
    return section


def loading(port: int, name: str, wrk: str | None) -> Batch:
    """Put the server under load for a while, and give the seconds that one request took."""
    cookie = visitor_cookie(load_peer(name)) or visitor_cookie(load_peer(OURS))
    headers = {**BROWSER, "Cookie": cookie}

    def batch(n: int) -> float:
        return n / load(port, headers, SECONDS, wrk)

    return batch


def add(section: Section, rounds: Rounds) -> None:
    for name, seconds in rounds.seconds.items():
        section.figures[name] = Spread.of([1 / each for each in seconds])
    for name in APPS:
        if name != OURS:
            section.ratios[f"{OURS} / {name}"] = Ratio(rounds.ratio(name, OURS), "higher")
