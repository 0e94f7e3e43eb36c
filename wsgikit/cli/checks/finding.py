"""One thing that is wrong with a site."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong, and what to write instead."""

    name: str
    """What ``--skip`` calls it."""
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.problem} {self.fix}"
