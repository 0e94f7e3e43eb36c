"""The site of ``deploy/production.py``, in its whole chain, with the real PostgreSQL and Valkey."""

import importlib
import logging
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any

import pytest
import yaml
from nginx_server import DEPLOY
from real_servers import PostgreSQL, Valkey, wait_until
from webtest import TestApp
from werkzeug import Request, Response

from wsgikit import App, current_app, session

README = (DEPLOY / "README.md").read_text()
MODULES = ("deploy.production", "deploy.chain")


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="module")
def production(
    database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    """The module, loaded with settings from the environment and secrets from files."""
    secrets = tmp_path_factory.mktemp("secrets")
    with pytest.MonkeyPatch.context() as patch, Valkey() as valkey:
        given = {
            "SECRET_KEY": token_hex(32),
            "SESSION_STORE": valkey.url,
            "DATABASE": database.url.replace("postgresql:", "postgresql+psycopg:"),
        }
        for name, value in given.items():
            (secrets / name).write_text(f"{value}\n")
        patch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
        patch.setenv("WSGIKIT_TRUSTED_HOSTS", '["example.org"]')
        patch.setenv("WSGIKIT_TRUSTED_PROXIES", '["10.0.0.0/8"]')
        patch.syspath_prepend(DEPLOY.parent)
        access = logging.getLogger("wsgikit.access")
        propagate, handlers = access.propagate, [*access.handlers]
        module = importlib.import_module("deploy.production")
        module.app.startup()
        yield module
        module.app.shutdown()
        access.propagate, access.handlers = propagate, handlers
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture
def visitor(production: ModuleType) -> TestApp:
    """Somebody behind nginx, which has come by https."""
    proxy = {"REMOTE_ADDR": "10.0.0.7", "HTTP_HOST": "example.org"}
    proxy |= {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}
    for_the_cookie_jar = {"wsgi.url_scheme": "https"}
    return TestApp(production.application, extra_environ=proxy | for_the_cookie_jar)


def test_visits_are_counted_for_each_and_for_all(visitor: TestApp, production: ModuleType) -> None:
    first = visitor.get("/").json
    second = visitor.get("/").json
    assert (first["yours"], second["yours"]) == (1, 2)
    assert second["everybodys"] == first["everybodys"] + 1
    visitor.reset()
    assert visitor.get("/").json == {"yours": 1, "everybodys": second["everybodys"] + 1}


def test_cookies_are_for_https_and_this_host_alone(visitor: TestApp) -> None:
    answer = visitor.get("/")
    name_and_value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name_and_value.startswith("__Host-session=")
    assert {*attributes} == {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}
    assert answer.headers["Strict-Transport-Security"]


def test_probes_are_answered_at_any_address_by_http(production: ModuleType) -> None:
    probe = TestApp(production.application, extra_environ={"HTTP_HOST": "10.0.0.9:8000"})
    assert probe.get("/livez").status_int == 200
    wait_until(lambda: probe.get("/readyz", expect_errors=True).status_int == 200, "ready")


def test_database_that_hangs_holds_no_thread_for_long(
    visitor: TestApp, database: PostgreSQL
) -> None:
    """Or none would be left for /livez, and every host be restarted."""
    visitor.get("/")
    database.freeze()
    try:
        answers = [visitor.get("/", status=503) for _ in range(2)]
    finally:
        database.thaw()
    assert [answer.headers["Retry-After"] for answer in answers] == ["2", "2"]
    wait_until(lambda: visitor.get("/", expect_errors=True).status_int == 200, "the database")


def test_other_hosts_are_refused(visitor: TestApp) -> None:
    assert visitor.get("/", headers={"Host": "evil.example"}, status=400)


def test_by_http_there_is_only_a_redirect(visitor: TestApp) -> None:
    answer = visitor.get("/", headers={"X-Forwarded-Proto": "http"}, status=301)
    assert answer.headers["Location"] == "https://example.org/"


def test_metrics_are_for_readers_that_ask_directly(
    production: ModuleType, visitor: TestApp
) -> None:
    visitor.get("/")
    reader = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org"}
    shown = TestApp(production.application, extra_environ=reader).get("/metrics").text
    assert 'http_requests_total{method="GET",rule="/",status="200"}' in shown
    assert visitor.get("/metrics", status=404)


def test_readme_of_the_folder_names_every_setting(production: ModuleType) -> None:
    chain = sys.modules["deploy.chain"]
    assert [name for name in chain.SETTINGS if f"`{name}`" not in README] == []


def check(environ: dict[str, str]) -> dict[str, str]:
    """Run ``wsgikit check`` with settings; return each finding's line, by its name."""
    command = [sys.executable, "-m", "wsgikit", "check", "deploy.production:application"]
    environ = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(command, cwd=DEPLOY.parent, env=environ, capture_output=True, text=True)
    assert done.returncode == bool(done.stdout), done.stderr
    return {line.partition(": ")[0]: line for line in done.stdout.splitlines()}


@pytest.fixture
def folder_of_secrets(production: ModuleType) -> dict[str, str]:
    return {"CREDENTIALS_DIRECTORY": os.environ["CREDENTIALS_DIRECTORY"]}


def test_check_finds_nothing_with_the_settings_that_the_readme_asks_for(
    folder_of_secrets: dict[str, str],
) -> None:
    asked_for = re.findall(r"least `(WSGIKIT_\w+)='(.+?)'`", README)
    assert len(asked_for) == 1
    assert check(folder_of_secrets | dict(asked_for)) == {}


def test_check_of_the_readme_runs_as_the_unit_does() -> None:
    unit = (DEPLOY / "systemd" / "wsgikit.service").read_text()
    (command,) = re.findall(r"^ +systemd-run (.*?[^\\])\n", README, re.M | re.S)
    words = shlex.split(command)
    given = {words[i + 1] for i, word in enumerate(words) if word == "-p"}
    kinds = (
        "DynamicUser",
        "WorkingDirectory",
        "EnvironmentFile",
        "LoadCredential",
        "SetCredential",
    )
    assert given == {line for line in unit.splitlines() if line.startswith(kinds)}


def test_check_finds_nothing_in_the_cluster(folder_of_secrets: dict[str, str]) -> None:
    manifest = (DEPLOY / "kubernetes" / "configmap.yaml").read_text()
    assert check(yaml.safe_load(manifest)["data"] | folder_of_secrets) == {}


def test_check_finds_what_the_compose_file_says_of_plain_http(
    folder_of_secrets: dict[str, str],
) -> None:
    text = (DEPLOY / "compose.yaml").read_text().replace("${SITE_HOST:-localhost}", "localhost")
    settings = yaml.safe_load(text)["x-app"]["environment"]
    assert settings["WSGIKIT_HTTPS"] == "false"
    given = {name: str(value) for name, value in settings.items()} | folder_of_secrets
    assert check(given).keys() == {"cookie-secure", "cookie-host"}
    assert "finds cookie-secure and cookie-host as long as" in text
    assert check(given | {"WSGIKIT_HTTPS": "true"}) == {}


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What ``deploy/chain.py`` defines, for an app of its own; secrets are in ``tmp_path``."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("WSGIKIT_TRUSTED_HOSTS", '["example.org"]')
    access = logging.getLogger("wsgikit.access")
    monkeypatch.setattr(access, "propagate", access.propagate)
    monkeypatch.setattr(access, "handlers", [*access.handlers])
    (tmp_path / "SECRET_KEY").write_text(token_hex(32))
    return runpy.run_path(str(DEPLOY / "chain.py"))


def cookie_of(chain: dict[str, Any], scheme: str) -> str:
    app = App("site")
    chain["configure"](app)
    app.get("/")(lambda: session.update(n=1, _permanent=True) or "")
    client = TestApp(chain["production"](app), extra_environ={"wsgi.url_scheme": scheme})
    cookie: str = client.get("/", headers={"Host": "example.org"}).headers["Set-Cookie"]
    return cookie


def test_cookie_of_a_site_by_plain_http_is_one_that_browsers_take(
    chain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSGIKIT_HTTPS", "false")
    name_and_value, *attributes = cookie_of(chain, "http").split("; ")
    assert name_and_value.startswith("wsgikit_session=")
    assert "Secure" not in attributes


def test_settings_of_the_session_reach_its_layer(
    chain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSGIKIT_SESSION_COOKIE_NAME", "__Host-mine")
    monkeypatch.setenv("WSGIKIT_SESSION_COOKIE_SAMESITE", "Strict")
    monkeypatch.setenv("WSGIKIT_PERMANENT_SESSION_LIFETIME", "60")
    name_and_value, *attributes = cookie_of(chain, "https").split("; ")
    assert name_and_value.startswith("__Host-mine=")
    assert {"SameSite=Strict", "Max-Age=60"} <= {*attributes}


def test_file_of_former_keys_has_one_a_line(chain: dict[str, Any], tmp_path: Path) -> None:
    keys = [token_hex(32), token_hex(32)]
    (tmp_path / "SECRET_KEY_FALLBACKS").write_text("\n".join([*keys, "", ""]))
    assert chain["secrets"]()["SECRET_KEY_FALLBACKS"] == keys
    (tmp_path / "SECRET_KEY_FALLBACKS").write_text("\n")
    assert chain["secrets"]()["SECRET_KEY_FALLBACKS"] == []


def test_chain_stands_around_an_app_of_another_framework_too(chain: dict[str, Any]) -> None:
    @Request.application
    def inner(request: Request) -> Response:
        return Response(current_app.name)

    app = App("site")
    chain["configure"](app)
    client = TestApp(chain["production"](app, inner), extra_environ={"wsgi.url_scheme": "https"})
    assert client.get("/", headers={"Host": "example.org"}).text == "site"
