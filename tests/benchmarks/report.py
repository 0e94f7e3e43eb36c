"""A run as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .results import Section
from .timing import Spread


def table(heads: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|---{'|---:' * (len(heads) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def number(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(spread: Spread) -> list[str]:
    return [number(spread.median), f"{number(spread.low)} … {number(spread.high)}"]


def section_lines(section: Section) -> Iterator[str]:
    yield f"### {section.title}"
    yield ""
    yield from section.notes
    if section.notes:
        yield ""
    rows = [[name, *cells(spread)] for name, spread in section.figures.items()]
    yield from table([f"`{section.name}`", section.unit, "quartiles"], rows)
    yield ""
    rows = [[name, *cells(ratio.spread)] for name, ratio in section.ratios.items()]
    if rows:
        yield from table(["ratio", "median", "quartiles"], rows)
        yield ""
