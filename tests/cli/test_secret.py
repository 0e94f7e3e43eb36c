"""wsgikit secret, and the command as such."""

import os
import pty
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from wsgikit import __version__
from wsgikit.cli import main

ROOT = Path(__file__).parents[2]


def test_key_is_all_of_stdout_and_another_each_time(run):
    results = [run("secret") for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{64}\n", result.stdout) for result in results)
    assert [result.stderr for result in results] == ["", ""]
    assert results[0].stdout != results[1].stdout


def test_terminal_is_told_how_to_use_it(monkeypatch, capfd):
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen, open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        main(["secret"], standalone_mode=False)
        shown = screen.read(10_000).decode()
    assert "SECRET_KEY_FALLBACKS" in shown
    assert "\b" not in shown
    assert re.fullmatch("[0-9a-f]{64}\n", capfd.readouterr().out)


def test_help_says_how_to_rotate(run):
    told = run("secret", "--help").stdout
    for needed in ("SECRET_KEY_FALLBACKS", "PERMANENT_SESSION_LIFETIME", "KEY=$(wsgikit secret)"):
        assert needed in told
    assert max(map(len, told.splitlines())) <= 80


def test_shell_takes_the_key():
    script = 'KEY=$("$0" -m wsgikit secret) && printf "%s" "[$KEY]"'
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        ["sh", "-c", script, sys.executable], env=environ, capture_output=True, text=True
    )
    assert re.fullmatch(r"\[[0-9a-f]{64}\]", process.stdout), process.stderr
    assert process.stderr == ""


def test_python_m(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["wsgikit", "--version"])
    with pytest.raises(SystemExit) as raised:
        runpy.run_module("wsgikit", run_name="__main__")
    assert raised.value.code == 0
    assert capsys.readouterr().out.rstrip().endswith(f"version {__version__}")


@pytest.mark.parametrize(
    "arguments", [["secret", "extra"], ["nonsense"], ["sessions", "list", "x"]]
)
def test_wrong_usage(arguments, run):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
