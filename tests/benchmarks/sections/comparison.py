"""Every peer with the same requests, in one process."""

from __future__ import annotations

from ..peers import OURS, SIDE_BY_SIDE, load
from ..results import Ratio, Section
from ..timing import rounds_of, serving, take_turns
from ..visitor import make_environ
from ..workloads import Workload, requests

ROUNDS = 150


def measure(workload: Workload, scale: float) -> Section:
    asked = list(requests(workload, [load(name) for name in SIDE_BY_SIDE]))
    rounds = take_turns(
        {each.peer.name: serving(each.app, make_environ(each.path, each.cookie)) for each in asked},
        rounds=rounds_of(ROUNDS, scale),
    )
    section = Section(workload.name, workload.title, "µs a request")
    for each in asked:
        section.figures[each.peer.name] = rounds.microseconds(each.peer.name)
        if each.peer.name != OURS:
            pair = f"{OURS} / {each.peer.name}"
            section.ratios[pair] = Ratio(rounds.ratio(OURS, each.peer.name))
    return section
