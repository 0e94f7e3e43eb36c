"""Routing among few and many rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from wsgiref.types import WSGIApplication

from flask import Flask

from wsgikit import App
from wsgikit.middleware import standard

from ..peers.secret import SECRET
from ..results import Ratio, Section
from ..timing import rounds_of, serving, take_turns
from ..visitor import ask, make_environ

ROUNDS = 60
FEW, SOME, MANY = 10, 1_000, 10_000
NOTES = [
    "Half of the rules are static (`/area7`), half dynamic (`/area7/<name>`). The whole request is "
    "timed, to the first and to the last of each kind. Falcon is left out: it takes more than 20 "
    "seconds to take in 10,000 rules."
]


def view(name=""):
    return f"area {name}"


def make_ours(rules: int) -> WSGIApplication:
    app = App("routing", config={"SECRET_KEY": SECRET})
    for index in range(rules // 2):
        app.add_url_rule(f"/area{index}", "static", view)
        app.add_url_rule(f"/area{index}/<name>", "dynamic", view)
    return standard(app)


def make_flask(rules: int) -> WSGIApplication:
    app = Flask("routing")
    for index in range(rules // 2):
        app.add_url_rule(f"/area{index}", "static_area", view)
        app.add_url_rule(f"/area{index}/<name>", "dynamic_area", view)
    return app


MAKERS: dict[str, Callable[[int], WSGIApplication]] = {
    "wsgikit": make_ours,
    "flask": make_flask,
}


def paths(rules: int) -> Iterator[tuple[str, str]]:
    for which, index in (("first", 0), ("last", rules // 2 - 1)):
        yield f"static, {which}", f"/area{index}"
        yield f"dynamic, {which}", f"/area{index}/ada"


def measure(scale: float) -> Section:
    candidates = {}
    for maker, make in MAKERS.items():
        for rules in (FEW, SOME, MANY):
            app = make(rules)
            for case, path in paths(rules):
                assert ask(app, path).body == (b"area ada" if "dynamic" in case else b"area ")
                key = label(maker, rules, case)
                candidates[key] = serving(app, make_environ(path))
    rounds = take_turns(candidates, rounds_of(ROUNDS, scale))
    section = Section("routing", "Routing", "µs a request", notes=NOTES)
    section.figures.update({name: rounds.microseconds(name) for name in candidates})
    for case, _ in paths(FEW):
        many, few = label("wsgikit", MANY, case), label("wsgikit", FEW, case)
        section.ratios[f"{MANY:,} rules / {FEW}, {case}"] = Ratio(rounds.ratio(many, few))
    return section


def label(maker: str, rules: int, case: str) -> str:
    return f"{maker}, {rules:,} rules, {case}"
