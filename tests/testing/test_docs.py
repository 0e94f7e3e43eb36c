"""The examples of docs/testing.md run as they stand."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
APP, *EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def test_every_example_is_found() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(example: str) -> None:
    namespace: dict[str, object] = {"__name__": "docs"}
    exec(compile(APP + example, "testing.md", "exec"), namespace)
    (test,) = (value for name, value in namespace.items() if name.startswith("test_"))
    test()


def test_examples_have_at_most_twenty_lines() -> None:
    for example in (APP, *EXAMPLES):
        assert sum(bool(line.strip()) for line in example.splitlines()) <= 20
