"""The systemd units, read by systemd itself in a folder that stands for ``/``."""

import configparser
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
from nginx_server import DEPLOY

UNITS = DEPLOY / "systemd"
TARGETS = ["basic", "multi-user", "network-online", "shutdown", "sockets", "sysinit"]


def settings(unit: str, section: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNITS / unit)
    return parser[section]


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
    path = settings("wsgikit.socket", "Socket")["ListenStream"]
    assert f"server unix:{path} " in (DEPLOY / "nginx.d" / "hosts.conf").read_text()


def test_the_socket_is_for_the_user_that_nginx_runs_as() -> None:
    socket = settings("wsgikit.socket", "Socket")
    assert f"user {socket['SocketUser']};" in (DEPLOY / "nginx.d" / "main.conf").read_text()
    assert socket["SocketMode"] == "0600"


def test_systemd_waits_for_a_stop_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a reload still waits for long responses, before which nothing else is heard."""
    monkeypatch.delenv("GRACEFUL_TIMEOUT", raising=False)
    graceful = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))["graceful_timeout"]
    service = settings("wsgikit.service", "Service")
    drain = float(re.search(r"DRAIN_SECONDS=(\d+)", service["Environment"])[1])
    assert float(service["TimeoutStopSec"]) >= drain + 2 * graceful + 5
    assert service["KillMode"] == "mixed"  # SIGTERM to the main process alone
