"""The image and the compose file, read by hadolint and Docker Compose. Nothing is built."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nginx_server import DEPLOY

BIN = Path(sys.executable).parent
"""Both programs come out of wheels."""
SECRETS = ("secret_key", "database", "postgres_password")


def compose(*arguments: str) -> str:
    command = [str(BIN / "docker-compose"), "-f", str(DEPLOY / "compose.yaml"), *arguments]
    environ = {**os.environ, "SITE_HOST": "example.org"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = json.loads(compose("config", "--format", "json"))["services"]
    return services


def seconds(text: str) -> float:
    """Docker's way to write a time."""
    minutes, rest = re.fullmatch(r"(?:(\d+)m)?(?:([\d.]+)s)?", text).groups()
    return 60 * float(minutes or 0) + float(rest or 0)


def test_hadolint_finds_no_fault() -> None:
    command = [str(BIN / "hadolint"), "--no-color", str(DEPLOY / "Dockerfile")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_image_is_slim_runs_as_nobody_special_and_is_stopped_by_sigterm() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", image, re.M) == ["python:3.13-slim-bookworm"] * 2
    *_, last = image.split("\nFROM ")
    assert "\nUSER 10001:10001\n" in last
    assert "\nSTOPSIGNAL SIGTERM\n" in last
    assert re.search(r'^CMD \["gunicorn", ', last, re.M)  # by itself, for a shell keeps signals
    assert "/livez" in last.partition("HEALTHCHECK")[2]


def test_image_gets_what_it_copies_and_no_secrets() -> None:
    """Whatever lies in deploy: its modules and templates are all that is let in."""
    image = (DEPLOY / "Dockerfile").read_text()
    _, everything, *lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert everything == "*"
    let_in = [line[1:] for line in lines if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", image, re.M)
    assert {name for names in copied for name in names.split()} == {
        name.partition("/")[0] for name in let_in
    }
    assert [name for name in let_in if "/" in name] == ["deploy/*.py", "deploy/templates"]
    assert all([*DEPLOY.parent.glob(name)] for name in let_in)


def test_compose_finds_no_fault(services: dict[str, Any]) -> None:
    compose("config", "--quiet")
    assert services.keys() == {"nginx", "app1", "app2", "app3", "redis", "postgres"}


def test_every_service_is_probed_and_can_write_nowhere_else(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        probed = "healthcheck" in service or service["image"] == "wsgikit"  # by its Dockerfile
        assert probed, name


def test_only_nginx_can_be_reached_from_outside(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    behind = [name for name, service in services.items() if "front" not in service["networks"]]
    assert behind == ["postgres", "redis"]


def test_secrets_are_files_that_git_does_not_know() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    for name in SECRETS:
        assert f"file: secrets/{name}\n" in text
        path = f"deploy/secrets/{name}"
        if (DEPLOY.parent / ".git").exists():
            subprocess.run(["git", "check-ignore", "-q", path], cwd=DEPLOY.parent, check=True)
    assert not re.search(r"(?i)password: |secret_key: [^\n]|://[^\s/]+:[^\s$]+@", text)


def test_every_app_is_asked_by_nginx(services: dict[str, Any]) -> None:
    hosts = (DEPLOY / "compose" / "nginx.d" / "hosts.conf").read_text()
    asked = re.findall(r"^server (\w+):8000 ", hosts, re.M)
    assert asked == [name for name, service in services.items() if service["image"] == "wsgikit"]


def test_docker_waits_for_a_stop_without_loss(services: dict[str, Any]) -> None:
    app = services["app1"]
    environ = app["environment"]
    needed = float(environ["DRAIN_SECONDS"]) + float(environ["GRACEFUL_TIMEOUT"])
    assert seconds(app["stop_grace_period"]) >= needed + 5
    assert seconds(services["nginx"]["stop_grace_period"]) >= needed + 5
