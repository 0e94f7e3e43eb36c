"""What a run has found: sections with figures and ratios, kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .timing import Spread

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Ratio:
    """Ours as a multiple of another's, which drifts less than the two figures do."""

    spread: Spread
    better: Better = "lower"


@dataclass
class Section:
    """One table of the report.

    :param figures: by what was measured, in the order of the report.
    :param unit: of the figures.
    :param ratios: by their names, which say what is divided by what.
    :param notes: what the figures mean, one sentence an item.
    """

    name: str
    title: str
    unit: str
    figures: dict[str, Spread] = field(default_factory=dict)
    ratios: dict[str, Ratio] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "unit": self.unit,
            "figures": {name: rounded(spread) for name, spread in self.figures.items()},
            "ratios": {
                name: {"spread": rounded(ratio.spread), "better": ratio.better}
                for name, ratio in self.ratios.items()
            },
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, name: str, data: dict[str, Any]) -> Section:
        figures = {each: Spread(*spread) for each, spread in data["figures"].items()}
        ratios = {
            each: Ratio(Spread(*ratio["spread"]), ratio["better"])
            for each, ratio in data["ratios"].items()
        }
        return cls(name, data["title"], data["unit"], figures, ratios, data["notes"])


def rounded(spread: Spread) -> list[float]:
    return [float(f"{value:.4g}") for value in spread]
