"""wsgikit shell."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from wsgikit import current_app

ROOT = Path(__file__).parents[2]

SITE = """
from wsgikit import App, current_app
from wsgikit.middleware import standard

app = App("site", config={"SECRET_KEY": "a key", "SERVER_NAME": "example.org"})


@app.get("/page")
def page(): ...


@app.on_startup
def connect():
    current_app.extensions["pool"] = "open"


@app.on_shutdown
def disconnect():
    print("closed", current_app.extensions.pop("pool"))


@app.shell_context_processor
def names():
    return {"answer": 42}


application = standard(app, g={"user": lambda: "ada"})
"""


@pytest.fixture
def without_ipython(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)


def test_names_at_hand_and_a_started_app(write_site, run, without_ipython):
    lines = "\n".join(
        [
            "print(app.name, g.user, url_for('page'), answer)",
            "print(app.extensions['pool'])",
            "import wsgikit; print(wsgikit.current_app.name)",
        ]
    )
    result = run("shell", write_site(SITE), input=lines + "\n")
    assert result.exit_code == 0, result.output
    assert "site ada http://example.org/page 42\n" in result.output
    assert "open\n" in result.output
    assert ">>> site\n" in result.output
    assert not current_app


@pytest.mark.parametrize("last", ["", "exit(3)\n"])
def test_app_is_shut_down_at_the_end(last, write_site, run, without_ipython):
    result = run("shell", write_site(SITE), input="print('here')\n" + last)
    assert result.exit_code == (3 if last else 0)
    assert result.output.index("here\n") < result.output.index("closed open\n")


def test_other_apps_of_the_process_are_started_and_shut_down_too(write_site, run, without_ipython):
    other = """
other = App("other")
other.on_startup(lambda: print("other up"))
other.on_shutdown(lambda: print("other down"))
"""
    result = run("shell", write_site(SITE + other), input="print('here')\n")
    places = [result.output.index(text) for text in ("other up", "here", "other down")]
    assert places == sorted(places)


def test_command_itself(write_site, tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "wsgikit", "shell", write_site(SITE)],
        input="print(6 * answer)\n",
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert "252" in process.stdout


def test_ipython_where_it_is_installed(write_site, run, monkeypatch):
    opened = []
    fake = types.ModuleType("IPython")
    fake.start_ipython = lambda argv, user_ns: opened.append(
        (argv, user_ns["answer"], user_ns["app"].name, current_app.name)
    )
    monkeypatch.setitem(sys.modules, "IPython", fake)
    assert run("shell", write_site(SITE)).exit_code == 0
    assert opened == [([], 42, "site", "site")]


def test_python_without_readline(write_site, run, without_ipython, monkeypatch):
    monkeypatch.setitem(sys.modules, "readline", None)
    assert run("shell", write_site(SITE), input="print(answer)\n").exit_code == 0
