"""A run as it is kept: where it was made, and its sections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .results import Section


@dataclass
class Run:
    """What ``make bench`` writes and ``make bench-compare`` reads."""

    machine: dict[str, str]
    sections: dict[str, Section]

    def write(self, path: Path) -> None:
        sections = {name: section.as_json() for name, section in self.sections.items()}
        data = {"machine": self.machine, "sections": sections}
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Run:
        data = json.loads(path.read_text("utf-8"))
        sections = {name: Section.from_json(name, each) for name, each in data["sections"].items()}
        return cls(data["machine"], sections)
