"""How a command finds the app that it is given."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SITE = """
from wsgikit import App
from wsgikit.middleware import standard

app = App("shop", config={"SECRET_KEY": "a key"})
application = standard(app)
number = 7


def make_app(name="made", *, routes=0):
    made = App(name, config={"SECRET_KEY": "a key"})
    for index in range(routes):
        made.get(f"/{index}", endpoint=str(index))(lambda: "")
    return standard(made)
"""


def first_and_last(result):
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    return lines[0].split()[0], lines[-1].strip()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "App 'shop'       0 routes"),
        (":application", "App 'shop'       0 routes"),
        (":make_app()", "App 'made'       0 routes"),
        (":make_app('other', routes=1)", "App 'other'      1 route"),
    ],
)
def test_name_and_factory(name, expected, write_site, run):
    first, last = first_and_last(run("tree", write_site(SITE) + name))
    assert (first, " ".join(last.split())) == ("ContextMiddleware", " ".join(expected.split()))


def test_app_is_the_second_default_name(write_site, run):
    site = write_site("from wsgikit import App\napp = App('small')\n")
    assert run("tree", site).stdout.startswith("App 'small'")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no_such_module:app", "There is no module 'no_such_module'"),
        ("json.no_such_module", "There is no module 'json.no_such_module'"),
        ("not a name", "'not a name' is no module's name"),
        ("{site}:missing", "{site} has no missing."),
        ("{site}:number", "{site}:number is no WSGI app"),
        ("{site}:make_app(len)", "more than literals"),
        ("{site}:make_app(", "'make_app(' is neither a name nor a call"),
        ("{site}:app.name", "'app.name' is neither a name nor a call"),
        ("json", "json has neither application nor app"),
    ],
)
def test_wrong_path_is_told_in_a_line(path, told, write_site, run):
    site = write_site(SITE)
    result = run("tree", path.format(site=site))
    assert result.exit_code == 2
    assert told.format(site=site) in result.stderr


def test_error_of_the_module_itself_keeps_its_traceback(write_site, run):
    result = run("tree", write_site("import no_such_thing\n"))
    assert isinstance(result.exception, ModuleNotFoundError)
    assert result.exception.name == "no_such_thing"


def test_configuration_error_is_told_without_a_traceback(write_site, run):
    site = write_site(SITE.replace('"SECRET_KEY": "a key"', ""))
    result = run("tree", site)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: secret_key is NoneType")


def test_what_serves_no_app_has_no_routes(write_site, run):
    result = run("routes", write_site("def application(environ, start_response): ..."))
    assert result.exit_code == 2
    assert "serves no App, or a layer hides it" in result.stderr


@pytest.mark.parametrize("command", [["explain", "GET", "/0"], ["check"], ["tree"]])
def test_command_counts_nothing_in_the_metrics_of_a_server(command, write_site, tmp_path):
    """Nor does it need the folder of these, which the server makes."""
    source = SITE + "application = MetricsMiddleware(standard(app))\n"
    site = write_site(source.replace("import standard", "import MetricsMiddleware, standard"))
    name, *arguments = command
    for folder in (tmp_path, tmp_path / "none"):
        process = subprocess.run(
            [sys.executable, "-m", "wsgikit", name, site, *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PROMETHEUS_MULTIPROC_DIR": str(folder)},
            capture_output=True,
            text=True,
        )
        assert "MULTIPROC" not in process.stdout + process.stderr
        assert process.returncode == (name == "check"), process.stderr
        assert [*tmp_path.glob("*.db")] == []
