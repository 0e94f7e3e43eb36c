"""What must hold, and whether it does in a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .peers import OURS, TITLES
from .results import Section
from .sections.layers import PASS_THROUGH
from .sections.throughput import FREE, PINNED

Results = dict[str, Section]
SESSION_PEERS = (
    "falcon_beaker",
    "bottle_beaker",
    "pyramid",
    "pyramid_fixed",
    "django",
    "flask",
)
RETURNING = "visitor with a session"


@dataclass(frozen=True)
class Aim:
    """One line of what must hold.

    :param section: without it in a run, the aim is not judged.
    """

    text: str
    section: str
    figure: Callable[[Section], float]
    limit: float
    at_least: bool = False

    def holds(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit

    @property
    def allowed(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:.3g}"


def ratio(name: str) -> Callable[[Section], float]:
    return lambda section: section.ratios[name].spread.median


def fastest_peer(section: Section) -> float:
    """Ours as a multiple of the fastest peer's that has a session."""
    return max(section.ratios[f"{OURS} / {name}"].spread.median for name in SESSION_PEERS)


def worst_ratio(section: Section) -> float:
    return max(each.spread.median for each in section.ratios.values())


def pass_through(section: Section) -> float:
    """1 at the limit: 0.15 µs, or 1/25 of Falcon's bare route."""
    microseconds = section.figures[PASS_THROUGH].median
    return min(microseconds / 0.15, 25 * ratio(f"{PASS_THROUGH} / falcon")(section))


AIMS = (
    Aim("`hello` / Falcon's bare route", "hello", ratio(f"{OURS} / falcon"), 1.25),
    Aim("`hello` / Falcon with Beaker", "hello", ratio(f"{OURS} / falcon_beaker"), 0.8),
    Aim("`hello` / Flask", "hello", ratio(f"{OURS} / flask"), 1 / 20),
    Aim("`read` / the fastest peer with a session", "read", fastest_peer, 1 / 4),
    Aim("`write` / the fastest peer with a session", "write", fastest_peer, 1 / 3),
    Aim(
        "cost of the chain around a bare callable / Flask's `hello`",
        "wrapping",
        ratio(f"(chain around bare - bare) / flask, {RETURNING}"),
        0.04,
    ),
    Aim(
        "the chain around Flask / Flask alone",
        "wrapping",
        ratio(f"chain around flask / flask, {RETURNING}"),
        1.05,
    ),
    *(
        Aim(
            f"gunicorn {where}: requests a second / {TITLES[other]}'s",
            "throughput",
            ratio(f"{OURS} / {other}, {where}"),
            limit,
            at_least=True,
        )
        for where in (FREE, PINNED)
        for other, limit in (("bare", 0.97), ("flask", 1.7))
    ),
    Aim("routing, 10,000 rules / 10, the worst case", "routing", worst_ratio, 1.5),
    Aim(
        "1 GiB in the process: rate / the bare app's",
        "streaming",
        ratio("chain / bare, in the process"),
        0.95,
        at_least=True,
    ),
    Aim(
        "1 GiB by gunicorn: rate / the bare app's",
        "streaming",
        ratio("chain / bare, by gunicorn"),
        0.95,
        at_least=True,
    ),
    Aim("a pass-through layer / (0.15 µs or 1/25 of Falcon)", "layers", pass_through, 1),
    Aim("import and a chain: time / Flask's", "imports", ratio("wsgikit / flask, ms"), 0.5),
    Aim("import and a chain: memory / Flask's", "imports", ratio("wsgikit / flask, MB"), 0.5),
)


def judged(results: Results) -> list[tuple[Aim, float]]:
    """The aims whose sections are in the run, with their figures."""
    return [(aim, aim.figure(results[aim.section])) for aim in AIMS if aim.section in results]
