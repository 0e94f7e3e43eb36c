"""The site of ``deploy/production.py``, in its whole chain, with the real PostgreSQL and Valkey."""

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from nginx_server import DEPLOY
from real_servers import PostgreSQL, Valkey, wait_until
from webtest import TestApp

MODULES = ("deploy.production", "deploy.chain")


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module, loaded with settings from the environment and secrets from files."""
    secrets = tmp_path_factory.mktemp("secrets")
    with pytest.MonkeyPatch.context() as patch, PostgreSQL() as database, Valkey() as valkey:
        given = {
            "SECRET_KEY": "of this test alone",
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


def test_cookies_are_for_https_alone(visitor: TestApp) -> None:
    answer = visitor.get("/")
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"]


def test_probes_are_answered_at_any_address_by_http(production: ModuleType) -> None:
    probe = TestApp(production.application, extra_environ={"HTTP_HOST": "10.0.0.9:8000"})
    assert probe.get("/livez").status_int == 200
    wait_until(lambda: probe.get("/readyz", expect_errors=True).status_int == 200, "ready")


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
    readme = Path(DEPLOY, "README.md").read_text()
    chain = sys.modules["deploy.chain"]
    assert [name for name in chain.SETTINGS if f"`{name}`" not in readme] == []
