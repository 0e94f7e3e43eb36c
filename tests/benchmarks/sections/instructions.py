"""The machine's instructions a request, which do not drift with its clock and its neighbours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..peers import OURS, load
from ..results import Ratio, Section
from ..timing import Spread
from ..workloads import HELLO, READ, WRITE, Workload, visitor_cookie

REQUESTS = 300
ROOT = Path(__file__).parents[3]
RUNS = [("bare", HELLO), ("falcon", HELLO), (OURS, HELLO), (OURS, READ), (OURS, WRITE)]


def measure(scale: float) -> Section:
    section = Section("instructions", "Instructions", "thousands a request")
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        section.notes.append("Not measured: valgrind is not installed.")
        return section
    section.notes.append(
        "Counted by `valgrind --tool=callgrind`: the difference of runs of N and of 2 N requests."
    )
    requests = max(10, round(REQUESTS * scale))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [(valgrind, name, workload, requests) for name, workload in RUNS]
        counts = list(pool.map(lambda run: instructions_a_request(*run), runs))
    by_run = {(name, each.name): count for (name, each), count in zip(RUNS, counts, strict=True)}
    for (name, workload), count in by_run.items():
        section.figures[f"{name}, {workload}"] = Spread.of([count / 1000])
        if name == OURS:
            pair = f"{OURS}, {workload} / falcon, hello"
            section.ratios[pair] = Ratio(Spread.of([count / by_run["falcon", "hello"]]))
    return section


def instructions_a_request(valgrind: str, name: str, workload: Workload, requests: int) -> float:
    cookie = visitor_cookie(load(name)) or visitor_cookie(load(OURS))
    few, many = (
        count(valgrind, [name, workload.name, str(n), cookie]) for n in (requests, 2 * requests)
    )
    return (many - few) / requests


def count(valgrind: str, arguments: list[str]) -> int:
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable]
    command += ["-m", "tests.benchmarks.serve_some", *arguments]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])
