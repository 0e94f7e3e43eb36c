"""The systemd units, read by systemd itself in a folder that stands for ``/``."""

import configparser
import http.client
import json
import os
import re
import runpy
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nginx_server import DEPLOY, Nginx
from real_servers import wait_until

APPS = Path(__file__).parent / "apps"
UNITS = DEPLOY / "systemd"
AS_SYSTEMD = """
import fcntl, os, sys
sockets = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 64) for number in sys.argv[1].split(",")]
for place, number in enumerate(sockets, 3):
    os.dup2(number, place)
os.environ |= {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""Hands sockets on as sd_listen_fds(3) says, to a program that has the same process id."""
TARGETS = ["basic", "multi-user", "network-online", "shutdown", "sockets", "sysinit"]


def settings(unit: str, section: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / unit)
    return parser[section]


def addresses() -> list[str]:
    """Where systemd listens: for nginx, and for Prometheus."""
    return re.findall(r"^ListenStream=(.+)$", (UNITS / "wsgikit.socket").read_text(), re.M)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the units, the targets that they name, and programs that do nothing."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt install systemd)")
    folder = tmp_path / "etc" / "systemd" / "system"
    folder.mkdir(parents=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, folder)
    for name in TARGETS:
        (folder / f"{name}.target").write_text("[Unit]\nDescription=a target\n")
    for program in re.findall(r"^Exec\w+=/(\S+)", (UNITS / "wsgikit.service").read_text(), re.M):
        path = tmp_path / program
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return tmp_path


def analyze(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", f"--root={root}", "--man=no", "--no-pager", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_systemd_finds_no_fault(root: Path) -> None:
    units = [path.name for path in UNITS.iterdir()]
    done = analyze(root, "verify", "--recursive-errors=yes", *units)
    assert (done.returncode, done.stdout) == (0, "")


def test_systemd_finds_little_that_the_service_could_do_harm_with(root: Path) -> None:
    """2.0 of 10; a service without any of these settings has 9.6."""
    done = analyze(root, "security", "--offline=yes", "--threshold=20", "wsgikit.service")
    assert done.returncode == 0, done.stdout


def test_nginx_asks_at_the_socket_that_systemd_opens() -> None:
    path, _ = addresses()
    assert f"server unix:{path} " in (DEPLOY / "nginx.d" / "hosts.conf").read_text()


def test_the_socket_is_for_the_user_that_nginx_runs_as() -> None:
    socket = settings("wsgikit.socket", "Socket")
    assert f"user {socket['SocketUser']};" in (DEPLOY / "nginx.d" / "main.conf").read_text()
    assert socket["SocketMode"] == "0600"


def test_systemd_waits_for_a_stop_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRACEFUL_TIMEOUT", raising=False)
    graceful = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))["graceful_timeout"]
    service = settings("wsgikit.service", "Service")
    drain = float(re.search(r"DRAIN_SECONDS=(\d+)", service["Environment"])[1])
    assert float(service["TimeoutStopSec"]) >= drain + graceful + 5
    assert service["KillMode"] == "mixed"  # SIGTERM to the main process alone


def test_systemd_never_gives_up() -> None:
    """The socket would be closed with the service; a pause spares the machine."""
    assert settings("wsgikit.service", "Unit")["StartLimitIntervalSec"] == "0"
    service = settings("wsgikit.service", "Service")
    assert service["Restart"] == "on-failure"
    assert float(service["RestartSec"]) >= 1


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket for nginx, as systemd opens and keeps it."""
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "gunicorn.sock"))
        opened.listen()
        yield opened


@pytest.fixture
def local() -> Iterator[socket.socket]:
    """The one for Prometheus."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def start_service(
    listening: socket.socket, local: socket.socket, tmp_path: Path
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start gunicorn with the sockets as its third file and fourth, as systemd does."""
    started: list[subprocess.Popen[bytes]] = []
    gunicorn = ["-m", "gunicorn", "busy:application", "-c", str(DEPLOY / "gunicorn.conf.py")]
    numbers = [listening.fileno(), local.fileno()]
    command = [sys.executable, "-c", AS_SYSTEMD, ",".join(map(str, numbers)), *gunicorn]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(APPS), str(DEPLOY.parent)]),
        "DRAIN_SECONDS": "0",
        "WEB_CONCURRENCY": "1",
        "WSGIKIT_SECRET_KEY": "of the service",
        "WSGIKIT_TRUSTED_HOSTS": '["127.0.0.1"]',
        "WSGIKIT_HTTPS": "false",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        "NOTES": str(tmp_path / "notes"),
    }

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "gunicorn.log").open("ab") as log:
            started.append(
                subprocess.Popen(command, env=environ, pass_fds=numbers, stdout=log, stderr=log)
            )
        return started[-1]

    yield start
    for each in started:
        each.terminate()
        each.wait(60)


def test_who_comes_while_the_service_restarts_waits_and_is_answered(
    listening: socket.socket,
    start_service: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    def post(nginx: Nginx) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=60)
        connection.request("POST", "/?seconds=0")
        response = connection.getresponse()
        answer = response.status, json.load(response)
        connection.close()
        return answer

    with Nginx(tmp_path / "nginx", [f"unix:{listening.getsockname()}"]) as nginx:
        service = start_service()
        assert post(nginx) == (200, {"count": 1, "client": "127.0.0.1"})
        service.terminate()
        service.wait(60)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(post, nginx)
            wait_until(lambda: bool(select.select([listening], [], [], 0)[0]), "a connection")
            start_service()
            assert waiting.result(60) == (200, {"count": 1, "client": "127.0.0.1"})


def test_prometheus_asks_at_a_socket_of_its_own(
    local: socket.socket, start_service: Callable[[], subprocess.Popen[bytes]]
) -> None:
    _, address = addresses()
    assert address.startswith("127.0.0.1:")  # METRICS_READERS has that
    start_service()
    with closing(http.client.HTTPConnection(*local.getsockname(), timeout=60)) as connection:
        answers = []
        for path in ("/", "/metrics"):
            connection.request("GET", path)
            answers.append(connection.getresponse().read())
    counted = b'http_requests_total{method="GET",rule="/",status="200"} 1.0'
    assert counted in answers[1].splitlines()


def test_who_waits_for_a_restart_is_not_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the graceful time-out, and until the new one is up; nginx waits longer than that."""
    monkeypatch.delenv("GRACEFUL_TIMEOUT", raising=False)
    graceful = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))["graceful_timeout"]
    patience = runpy.run_path(str(DEPLOY / "chain.py"))["SETTINGS"]["SECONDS"]
    conf = (DEPLOY / "nginx.conf").read_text()
    (nginx,) = re.findall(r"proxy_read_timeout (\d+)s;", conf)
    assert graceful + 10 <= patience <= int(nginx) - 10


def test_service_gets_every_secret_that_the_readme_asks_for() -> None:
    unit = (DEPLOY / "systemd" / "wsgikit.service").read_text()
    loaded = set(re.findall(r"^LoadCredential=(\w+):", unit, re.M))
    readme = (DEPLOY / "README.md").read_text()
    assert loaded == set(re.findall(r"^\| `(\w+)` \* \|", readme, re.M))
