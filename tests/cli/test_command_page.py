"""The outputs in docs/command.md are those of the commands."""

import re
import shlex
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text()
(SHOP,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
EXAMPLES = re.findall(r"^```console\n\$ wsgikit (.*?)\n(.*?)^```", PAGE, re.S | re.M)


def normal(text: str, folder: Path) -> list[str]:
    """Without what differs from run to run: milliseconds, the folder, the reason of a log."""
    text = re.sub(r"\d+\.\d{3}", "0.123", text.replace(f"{folder}/", ""))
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    sys.modules.pop("shop", None)


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_output_is_what_the_command_prints(command, shown, shop, run, tmp_path):
    result = run(*shlex.split(command))
    assert normal(shown, tmp_path) == normal(result.stdout, tmp_path)


def test_page_has_an_example_of_each_command_that_prints():
    assert {command.split()[0] for command, _ in EXAMPLES} == {"tree", "routes", "check", "explain"}


def test_page_names_every_finding():
    folder = Path(__file__).parents[2] / "wsgikit" / "cli"
    sources = [path.read_text() for path in [folder / "check.py", *folder.glob("checks/*.py")]]
    names = {name for source in sources for name in re.findall(r'Finding\(f?"([a-z-]+)"', source)}
    assert len(names) > 10
    assert not {name for name in names if f"`{name}`" not in PAGE}
