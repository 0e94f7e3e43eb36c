"""What the standard chain costs around an app that exists already."""

from __future__ import annotations

from ..peers import OURS, TITLES, load
from ..results import Ratio, Section
from ..timing import Rounds, rounds_of, serving, take_turns
from ..visitor import make_environ
from ..workloads import HELLO, HELLO_NEW, Workload, check, visitor_cookie

ROUNDS = 150
PAIRS = {"bare": "wsgikit_around_bare", "flask": "wsgikit_around_flask"}
NOTES = ["The session is not touched by the chain. Flask opens its own when the visitor has one."]


def measure(scale: float) -> Section:
    section = Section("wrapping", "The chain around an app", "µs a request", notes=NOTES)
    for workload in (HELLO, HELLO_NEW):
        visitor = "visitor with a session" if workload.is_returning else "new visitor"
        add(section, visitor, time(workload, scale))
    return section


def time(workload: Workload, scale: float) -> Rounds:
    candidates = {}
    for inner, outer in PAIRS.items():
        cookie = visitor_cookie(load(inner)) or visitor_cookie(load(OURS))
        environ = make_environ("/", cookie if workload.is_returning else "")
        for name in (inner, outer):
            check(workload, load(name).hello, environ.get("HTTP_COOKIE", ""))
            candidates[name] = serving(load(name).hello, environ)
    return take_turns(candidates, rounds_of(ROUNDS, scale))


def add(section: Section, visitor: str, rounds: Rounds) -> None:
    for name in rounds.seconds:
        section.figures[f"{TITLES[name]}, {visitor}"] = rounds.microseconds(name)
    cost = rounds.extra("wsgikit_around_bare", "bare", of="flask")
    section.ratios[f"(chain around bare - bare) / flask, {visitor}"] = Ratio(cost)
    whole = rounds.ratio("wsgikit_around_flask", "flask")
    section.ratios[f"chain around flask / flask, {visitor}"] = Ratio(whole)
