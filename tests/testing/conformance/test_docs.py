"""docs/conformance.md: its examples run as they stand, and its table is up to date."""

import re
import sys
import types
from pathlib import Path

import pytest

from wsgikit.testing.conformance import CASES, ConformanceError

PAGE = (Path(__file__).parents[3] / "docs" / "conformance.md").read_text()
WITH_PYTEST, NAIVE, REPAIRED = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def run(example):
    namespace = {"__name__": "example"}
    exec(compile(example, "conformance.md", "exec"), namespace)
    return namespace


def table():
    rows = [f"| `{case}` | {case.rule.text} | {case.rule.reference} |" for case in CASES]
    return "\n".join(["| case | rule | see |", "|---|---|---|", *rows, ""])


def test_naive_middleware_is_caught():
    with pytest.raises(ExceptionGroup) as caught:
        run(NAIVE)
    texts = [str(error) for error in caught.value.exceptions]
    (shown,) = re.findall(r"^```text\n(.*?)\n```", PAGE, re.S | re.M)
    assert shown in texts


def test_repaired_middleware_passes():
    run(REPAIRED)


def test_example_with_pytest(monkeypatch):
    made = []

    class MyMiddleware:
        def __init__(self, app, *, option):
            made.append(option)
            self.app = app

        def __call__(self, environ, start_response):
            return iter(self.app(environ, start_response))

    module = types.ModuleType("mysite.middleware")
    module.MyMiddleware = MyMiddleware
    monkeypatch.setitem(sys.modules, "mysite", types.ModuleType("mysite"))
    monkeypatch.setitem(sys.modules, "mysite.middleware", module)
    test = run(WITH_PYTEST)["test_my_middleware"]
    (mark,) = test.pytestmark
    assert mark.args == ("case", CASES)
    failures = 0
    for case in CASES:
        try:
            test(case)
        except ConformanceError:
            failures += 1
    assert set(made) == {1}
    assert 0 < failures < len(CASES)


def test_examples_are_short():
    for example in (WITH_PYTEST, NAIVE, REPAIRED):
        assert len(example.splitlines()) < 20


def test_table_is_up_to_date():
    assert PAGE.endswith(f"-->\n{table()}"), f"its end must be\n{table()}"
