"""A run as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .aims import judged
from .peers import SIDE_BY_SIDE, TITLES
from .results import Section
from .run import Run
from .timing import Spread
from .workloads import ALL

README_BEGIN, README_END = "<!-- made by make bench -->", "<!-- end -->"
NOT_MEASURED = """\
## What was not measured

- Templates, forms, uploads, databases, TLS and slow clients: in most sites they take far more time
  than all that is compared here.
- Sessions in a store. Every session here is in a signed cookie.
- Other servers and worker classes than gunicorn's threaded one, several workers, several machines,
  other Pythons than the one above.
- Latency under load. The load generator shares the machine with the server.
- Frameworks for ASGI, which are served otherwise.
"""


def report(run: Run) -> str:
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Made by `make bench`; `make bench-compare` measures again and compares. Ratios are",
            "taken within one round, in which every candidate has its turn, so that the machine's",
            "drift cancels; the columns give their median and quartiles over all rounds.",
            "",
            *(f"- {name}: {value}" for name, value in run.machine.items()),
            "",
            *aim_lines(run),
            "## Side by side",
            "",
            *side_by_side_table(run),
            "![µs a request, side by side](benchmarks.svg)",
            "",
            "## All figures",
            "",
            *(line for section in run.sections.values() for line in section_lines(section)),
            NOT_MEASURED,
        ]
    )


def in_readme(readme: str, run: Run) -> str:
    """The README with the run's table between its two marks."""
    before, begin, rest = readme.partition(README_BEGIN)
    _, end, after = rest.partition(README_END)
    lines = ["", *side_by_side_table(run), "; ".join(run.machine.values()) + ".", ""]
    return before + begin + "\n".join(lines) + end + after


def aim_lines(run: Run) -> Iterator[str]:
    rows = []
    for aim, figure in judged(run.sections):
        verdict = "yes" if aim.holds(figure) else "**no**"
        rows.append([aim.text, aim.allowed, number(figure), verdict])
    yield "## Aims"
    yield ""
    yield "`hello` and the wrapped apps are judged by visitors with a session."
    yield ""
    yield from table(["ratio", "aim", "this run", "holds"], rows)
    yield ""


def side_by_side_table(run: Run) -> Iterator[str]:
    """The medians of the first sections in one table."""
    shown = [run.sections[each.name] for each in ALL if each.name in run.sections]
    rows = []
    for name in SIDE_BY_SIDE:
        medians = [each.figures[name].median if name in each.figures else None for each in shown]
        cells = ["" if median is None else number(median) for median in medians]
        rows.append([TITLES[name], *cells])
    yield from table(["µs a request", *(each.title for each in shown)], rows)
    yield ""


def section_lines(section: Section) -> Iterator[str]:
    yield f"### {section.title}"
    yield ""
    if section.notes:
        yield from section.notes
        yield ""
    if section.figures:
        rows = [[name, *cells_of(spread)] for name, spread in section.figures.items()]
        yield from table([f"`{section.name}`", section.unit, "quartiles"], rows)
        yield ""
    if section.ratios:
        rows = [[name, *cells_of(ratio.spread)] for name, ratio in section.ratios.items()]
        yield from table(["ratio", "median", "quartiles"], rows)
        yield ""


def table(heads: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|---{'|---:' * (len(heads) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def cells_of(spread: Spread) -> list[str]:
    return [number(spread.median), f"{number(spread.low)} … {number(spread.high)}"]


def number(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
