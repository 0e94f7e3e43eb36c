"""Requests by the thousand leave nothing behind, and each ends exactly once.

``SOAK_REQUESTS`` is how many; ``make soak`` sends a million.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wsgikit

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "20000"))
MIB = 1 << 20
ROOT = Path(wsgikit.__file__).parents[1]


def run_soak(requests: int, bytes_to_keep: int = 0) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("soak.py"))]
    command += [str(requests), str(bytes_to_keep)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return json.loads(result.stdout)


def test_memory_stays_flat_and_each_request_ends_once(
    record_property: Callable[..., None],
) -> None:
    report = run_soak(REQUESTS)
    growth = report["after"] - report["before"]
    record_property(
        "figures",
        f"{REQUESTS} requests in {report['seconds']} s; resident {report['before'] // 1024} KiB "
        f"after a tenth, {report['after'] // 1024} KiB at the end: {growth // 1024:+} KiB; "
        f"kinds {report['kinds']}, ends {report['ends']}, wrong {report['wrong']}",
    )
    assert report["wrong"] == {}
    assert sum(report["kinds"].values()) == REQUESTS
    assert report["ends"] == dict.fromkeys(["request", "app context", "provider"], REQUESTS)
    assert growth < MIB


def test_check_notices_an_app_that_keeps_a_little_of_each_request() -> None:
    report = run_soak(8_000, bytes_to_keep=400)
    assert report["after"] - report["before"] > 2 * MIB
