"""The tests that take seconds, for the few mutants that the tests in setup.cfg let live."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LONGER = ("tests/testing/conformance/test_wsgikit.py", "tests/test_state_machine.py")
COMMAND = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *LONGER)
TIMEOUT = 120
"""Seconds, after which a mutant counts as noticed."""


def killed_by_longer_tests(mutants: list[str]) -> list[str]:
    """Those of the mutants, in the folder that mutmut left, that one of the tests notices.

    :raises SystemExit: the tests fail without a mutant, or do not reach the mutated code.
    """
    if not _pass("") or _pass("fail"):  # names that mutmut's trampolines know: none, and all
        raise SystemExit(f"{' and '.join(LONGER)} fail by themselves, or do not run the mutants.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(_pass, mutants))
    return [mutant for mutant, survived in zip(mutants, passed, strict=True) if not survived]


def _pass(mutant: str) -> bool:
    environ = {**os.environ, "MUTANT_UNDER_TEST": mutant, "PYTHONPATH": "."}
    try:
        run = subprocess.run(
            COMMAND, cwd="mutants", env=environ, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return run.returncode == 0
