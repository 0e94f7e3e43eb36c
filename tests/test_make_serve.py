"""``make serve`` in a copy of the checkout: the cold start, the second one, and its faults.

Without a network: pip finds everything already installed where these tests run.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ["Makefile", "README.md", "LICENSE", "setup.cfg", "pyproject.toml"]
FOLDERS = ["deploy", "middleware", "wsgikit"]
BASE_ENVIRON = {
    **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
    "PYTHON": sys.executable,
    "PYTHONPATH": sysconfig.get_path("purelib"),
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of --build-isolation
    "BIND": "127.0.0.1:0",
    "WEB_CONCURRENCY": "2",
}
DEBIAN_WITHOUT_VENV = """\
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    cat <<'END'
The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3-venv

Failing command: /usr/bin/python3
END
    exit 1
fi
"""
PYTHON_BUILT_WITHOUT_VENV = """\
if [ "$1 $2" = "-m venv" ]; then
    echo "$0: No module named venv" >&2
    exit 1
fi
"""
PYTHON_3_9 = """\
if [ "$1" = -c ]; then
    code='import sys; sys.version_info = (3, 9, 18, "final", 0); exec(sys.argv.pop(1))'
    set -- -c "$code" "$2"
fi
"""


def copy_checkout(folder):
    for name in SOURCES:
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__", "instance")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    return folder


def run_make(checkout, *arguments, **environ):
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=BASE_ENVIRON | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def faults(done):
    """What a failed make has said, but for its own line on which target failed."""
    assert done.returncode != 0
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if not re.match(r"make: \*\*\* ", line)]


class Serving:
    """A ``make serve`` that runs, in a process group of its own."""

    def __init__(self, checkout, log, **environ):
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                ["make", "serve"],
                cwd=checkout,
                env=BASE_ENVIRON | environ,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        try:
            self.address = self._wait_for_address()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)

    def _wait_for_address(self):
        give_up_at = time.monotonic() + 120
        while time.monotonic() < give_up_at and self.process.poll() is None:
            found = re.search(r"served on (http://\S+)/", self.said)
            if found:
                return urlsplit(found[1]).netloc
            time.sleep(0.05)
        raise AssertionError(f"make serve gave no address:\n{self.said}")

    @property
    def said(self):
        return self.log.read_text()


class Visitor:
    """A browser with cookies, which opens a new connection for each request."""

    def __init__(self, address):
        self.address = address
        self.cookies = SimpleCookie()

    def ask(self, method, path, form=None):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"Cookie": self.cookies.output(attrs=[], header="", sep=";").strip()}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(cookie)
        return answer.status, body

    def entries(self):
        status, body = self.ask("GET", "/api/entries?limit=1")
        assert status == 200
        return json.loads(body)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def cold_start(checkout, tmp_path_factory):
    """The first ``make serve`` of a checkout. It runs until the last test of this module."""
    log = tmp_path_factory.mktemp("cold") / "log"
    with Serving(checkout, log) as serving:
        yield serving


@pytest.fixture
def bare_checkout(tmp_path):
    return copy_checkout(tmp_path)


@pytest.fixture
def fake_python(tmp_path_factory):
    """Make a Python that behaves as the given lines of shell say, else as the real one."""

    def make(behaviour):
        path = tmp_path_factory.mktemp("fake") / "python"
        path.write_text(f'#!/bin/sh\n{behaviour}exec "{sys.executable}" "$@"\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_the_first_make_serve_installs_and_prints_the_address_and_what_to_try(cold_start):
    made, installing, *rest = [line for line in cold_start.said.splitlines() if line]
    assert made.startswith("Made .venv with ")
    assert installing == "Installing wsgikit[demo] into .venv ..."
    assert f"http://{cold_start.address}/ by 2 workers with 8 threads each" in rest[0]
    assert f"  curl -i http://{cold_start.address}/api/entries" in rest


def test_every_line_to_try_names_a_page_that_is_there(cold_start):
    urls = re.findall(r"^  curl .*(http://\S+)", cold_start.said, re.MULTILINE)
    assert len(urls) == 5
    for url in urls:
        expected = 405 if "/undone/" in url else 200  # that one is to be posted to
        assert Visitor(cold_start.address).ask("GET", urlsplit(url).path)[0] == expected


def test_two_workers_show_each_visit_and_each_entry_to_the_next_request(cold_start):
    visitor = Visitor(cold_start.address)
    for number in range(50):
        form = {"name": f"visitor {number}", "message": "Hello"}
        assert visitor.ask("POST", "/", form)[0] == 303
        seen = visitor.entries()
        assert seen["entries"][0]["name"] == f"visitor {number}"
        assert seen["visits"] == number + 1


def test_a_failed_request_leaves_nothing_under_gunicorn(cold_start):
    visitor = Visitor(cold_start.address)
    visitor.ask("POST", "/", {"name": "Ada", "message": "before"})
    assert visitor.ask("POST", "/undone/raise")[0] == 500
    assert visitor.ask("POST", "/undone/abort")[0] == 400
    assert visitor.entries()["entries"][0]["message"] == "before"


def test_the_second_make_serve_installs_nothing_and_keeps_key_and_guestbook(
    checkout, cold_start, tmp_path
):
    visitor = Visitor(cold_start.address)
    visitor.ask("POST", "/", {"name": "Ada", "message": "Hello"})
    visits = visitor.entries()["visits"]
    with Serving(checkout, tmp_path / "log") as second:
        assert "Installing" not in second.said
        visitor.address = second.address
        seen = visitor.entries()
    assert seen["visits"] == visits + 1
    assert seen["entries"][0]["name"] == "Ada"


def test_the_secret_key_is_for_its_owner_alone(checkout, cold_start):
    key = checkout / "deploy" / "instance" / "secret_key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", key.read_text())


def test_key_and_guestbook_can_be_given(checkout, cold_start, tmp_path):
    given = {"WSGIKIT_SECRET_KEY": "another", "GUESTBOOK_DB": str(tmp_path / "book")}
    old_visitor = Visitor(cold_start.address)
    old_visitor.entries()
    with Serving(checkout, tmp_path / "log", **given) as serving:
        old_visitor.address = serving.address
        assert old_visitor.entries() | {"request_id": ""} == {
            "visits": 1,
            "request_id": "",
            "entries": [],
        }
    assert (tmp_path / "book").exists()


def test_a_taken_port_is_one_line(checkout, cold_start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_make(checkout, "serve", BIND=address)
    (line,) = faults(done)
    assert line.startswith(f"Cannot serve on {address}: Address already in use. ")
    assert "make serve BIND=" in line


@pytest.mark.parametrize("behaviour", [DEBIAN_WITHOUT_VENV, PYTHON_BUILT_WITHOUT_VENV])
def test_a_missing_venv_module_is_one_line(bare_checkout, fake_python, behaviour):
    python = fake_python(behaviour)
    (line,) = faults(run_make(bare_checkout, "serve", PYTHON=python))
    assert line.startswith(f"{python} lacks its venv module (Debian, Ubuntu: apt install python3")
    assert not (bare_checkout / ".venv").exists()


def test_a_python_that_is_too_old_is_one_line(bare_checkout, fake_python):
    python = fake_python(PYTHON_3_9)
    (line,) = faults(run_make(bare_checkout, "serve", PYTHON=python))
    assert line.startswith(f"wsgikit needs Python 3.11 or newer, and {python} is 3.9; ")
    assert not (bare_checkout / ".venv").exists()


def test_no_python_that_is_new_enough_is_one_line(bare_checkout, fake_python):
    folder = Path(fake_python(PYTHON_3_9)).parent
    for name in ("python3", "python3.11", "python3.14"):
        (folder / name).symlink_to("python")
    tools = {name: shutil.which(name) for name in ("make", "sh", "rm", "env")}
    for name, path in tools.items():
        (folder / name).symlink_to(path)
    done = run_make(bare_checkout, "serve", PYTHON="", PATH=str(folder))
    (line,) = faults(done)
    assert line.startswith("wsgikit needs Python 3.11 or newer, and there is 3.9 here; ")


def test_an_interpreter_that_is_not_there_is_one_line(bare_checkout):
    (line,) = faults(run_make(bare_checkout, "serve", PYTHON="no-such-python"))
    assert line == "PYTHON=no-such-python cannot be run as Python."


def test_a_failed_installation_says_what_pip_said(bare_checkout):
    with (bare_checkout / "setup.cfg").open("a") as setup:
        setup.write("\n[options.extras_require]\n")  # a second one is an error
    said = faults(run_make(bare_checkout, "serve"))
    assert any("DuplicateSectionError" in line for line in said)
    assert said[-1] == "pip could not install wsgikit[demo]."
    assert not (bare_checkout / ".venv" / ".demo").exists()


def test_make_alone_lists_what_there_is_to_make(bare_checkout):
    targets = [line.split()[1] for line in run_make(bare_checkout).stdout.splitlines()]
    assert {"help", "serve", "clean"} <= {*targets}


def test_make_clean_leaves_the_sources_and_the_guestbook(bare_checkout):
    sources = {path for path in bare_checkout.rglob("*") if path.is_file()}
    book = bare_checkout / "deploy" / "instance" / "guestbook.sqlite3"
    made = [bare_checkout / name for name in (".venv/bin/python", "build/x", ".mypy_cache/x")]
    made.append(bare_checkout / "wsgikit" / "__pycache__" / "x.pyc")
    for path in (book, *made):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert run_make(bare_checkout, "clean").returncode == 0
    assert {path for path in bare_checkout.rglob("*") if path.is_file()} == {*sources, book}
