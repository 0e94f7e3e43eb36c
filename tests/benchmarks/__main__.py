"""``python -m tests.benchmarks``, from the root of the checkout."""

from __future__ import annotations

import click

from .report import section_lines
from .sections import SECTIONS


@click.command(help=__doc__)
@click.option("--only", default="", help=f"Some of: {' '.join(SECTIONS)}.")
@click.option("--scale", default=1.0, help="Measure so many times longer.")
def main(only: str, scale: float) -> None:
    for name in only.split() or SECTIONS:
        click.echo("\n".join(section_lines(SECTIONS[name](scale))))


if __name__ == "__main__":
    main()
