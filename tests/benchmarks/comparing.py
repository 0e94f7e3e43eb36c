"""Whether a run is worse than an earlier one, judged by ratios only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .report import number, table
from .results import Ratio
from .run import Run

DRIFT = 1.05
"""Two processes differ by so much in where their memory lies, which no round within one shows."""
CLEARLY = 1.25
"""So much is worse whatever the spread of the earlier run, which a busy machine may have made."""


@dataclass(frozen=True)
class Change:
    """One ratio, then and now."""

    section: str
    name: str
    old: Ratio
    new: Ratio

    @property
    def is_worse(self) -> bool:
        """Whether the middle half lies apart from then's by the drift, or far from its median."""
        old, new = self.old.spread, self.new.spread
        if self.old.better == "lower":
            return new.low > min(old.high * DRIFT, old.median * CLEARLY)
        return new.high < max(old.low / DRIFT, old.median / CLEARLY)

    @property
    def factor(self) -> float:
        return self.new.spread.median / self.old.spread.median


def changes(old: Run, new: Run) -> Iterator[Change]:
    """The ratios that both runs have."""
    for name, section in new.sections.items():
        before = old.sections[name].ratios if name in old.sections else {}
        for ratio in section.ratios.keys() & before.keys():
            yield Change(name, ratio, before[ratio], section.ratios[ratio])


def comparison_lines(found: list[Change]) -> Iterator[str]:
    rows = []
    for change in sorted(found, key=lambda each: (each.section, each.name)):
        medians = [number(each.spread.median) for each in (change.old, change.new)]
        verdict = "worse" if change.is_worse else ""
        rows.append([change.section, change.name, *medians, f"{change.factor:.2f}", verdict])
    yield from table(["section", "ratio", "then", "now", "now / then", ""], rows)
