"""What is measured, one section of the report a file.

Each is a function of ``scale``, which makes a run longer or, for a test, shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .. import workloads
from ..results import Section
from . import comparison, imports, instructions, layers, routing, streaming, throughput, wrapping

SECTIONS: dict[str, Callable[[float], Section]] = {
    **{each.name: partial(comparison.measure, each) for each in workloads.ALL},
    "wrapping": wrapping.measure,
    "layers": layers.measure,
    "routing": routing.measure,
    "streaming": streaming.measure,
    "throughput": throughput.measure,
    "imports": imports.measure,
    "instructions": instructions.measure,
}
