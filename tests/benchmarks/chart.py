"""The comparison as a bar chart in SVG, on a light or a dark page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .peers import OURS, TITLES
from .run import Run
from .workloads import HELLO, READ, WRITE

WIDTH, LABELS, FIGURES = 760, 240, 60
BAR, STEP, TITLE, GAP = 14, 20, 28, 16
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#59636e}.title{font-weight:600}"
    ".peer{fill:#8c959f}.ours{fill:#1f7a4d}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.peer{fill:#656c76}.ours{fill:#3fb950}}"
)


def chart(run: Run) -> str:
    """One group of bars for each workload of the run, the fastest on top."""
    lines: list[str] = []
    y = 0
    for workload in (HELLO, READ, WRITE):
        if section := run.sections.get(workload.name):
            medians = {name: spread.median for name, spread in section.figures.items()}
            lines += group(f"{section.title}: {section.unit}", medians, y)
            y += TITLE + STEP * len(medians) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>", ""])


def group(title: str, values: dict[str, float], top: int) -> Iterator[str]:
    yield f'<text class="title" x="0" y="{top + 18}">{escape(title)}</text>'
    scale = (WIDTH - LABELS - FIGURES) / max(values.values())
    ranked = sorted(values.items(), key=lambda item: item[1])
    for index, (name, value) in enumerate(ranked):
        yield from bar(name, value, value * scale, top + TITLE + STEP * index)


def bar(name: str, value: float, length: float, y: int) -> Iterator[str]:
    kind = "ours" if name == OURS else "peer"
    base = y + BAR - 3
    title = escape(TITLES[name])
    yield f'<text x="{LABELS - 8}" y="{base}" text-anchor="end">{title}</text>'
    yield f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}"/>'
    yield f'<text x="{LABELS + length + 6:.1f}" y="{base}">{value:.3g}</text>'
