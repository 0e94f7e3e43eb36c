"""``python -m tests.benchmarks``, from the root of the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .chart import chart
from .comparing import changes, comparison_lines
from .machine import describe
from .report import in_readme, report, section_lines
from .run import Run
from .sections import SECTIONS

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"


@click.command(help=__doc__)
@click.option("--only", default="", help=f"Some of: {' '.join(SECTIONS)}. Then nothing is written.")
@click.option("--scale", default=1.0, help="So many times as many rounds.")
@click.option("--compare", is_flag=True, help="Compare with docs/benchmarks.json, write nothing.")
def main(only: str, scale: float, compare: bool) -> None:
    run = Run(describe(), {})
    for name in only.split() or SECTIONS:
        section = run.sections[name] = SECTIONS[name](scale)
        click.echo("\n".join(section_lines(section)))
    if compare:
        found = list(changes(Run.read(DOCS / "benchmarks.json"), run))
        click.echo("\n".join(comparison_lines(found)))
        sys.exit(any(change.is_worse for change in found))
    if not only:
        write(run)


def write(run: Run) -> None:
    """Write the run, and the documents from what can be read again of it."""
    run.write(DOCS / "benchmarks.json")
    run = Run.read(DOCS / "benchmarks.json")
    (DOCS / "benchmarks.md").write_text(report(run), "utf-8")
    (DOCS / "benchmarks.svg").write_text(chart(run), "utf-8")
    README.write_text(in_readme(README.read_text("utf-8"), run), "utf-8")


if __name__ == "__main__":
    main()
