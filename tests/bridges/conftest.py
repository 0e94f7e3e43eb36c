"""Chains whose session layer keeps sessions in the cookie or in a store, and Django on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import django_settings  # noqa: F401 - before anything of Django
import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test.utils import override_settings
from real_servers import Valkey

from wsgikit.sessions import make_store

KEY = "a key for tests"
SETTINGS = {
    "SESSION_ENGINE": "wsgikit.bridges.django",
    "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    "CSRF_USE_SESSIONS": True,
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
}


@pytest.fixture(params=["cookie", "memory", "sqlite"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Options of the session layer, for each place that a session may live in."""
    if request.param == "cookie":
        yield {"secret_key": KEY, "store": None}
        return
    urls = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path}/sessions.sqlite3"}
    url = urls.get(request.param) or request.getfixturevalue("valkey").url
    with closing(make_store(url)) as store:
        yield {"secret_key": KEY, "store": store}


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def database() -> None:
    """Django's tables, in memory."""
    call_command("migrate", verbosity=0)


@pytest.fixture
def accounts(database: None) -> Iterator[dict[str, User]]:
    """Ada and Eve, whose passwords are ``secret``."""
    yield {name: User.objects.create_user(name, password="secret") for name in ("ada", "eve")}
    User.objects.all().delete()


@pytest.fixture
def django_site() -> Iterator[Callable[..., WSGIHandler]]:
    """Make a Django app on the bridge: ``django_site(urlpatterns, **settings)``."""
    overrides = []

    def make(urlpatterns: list[Any], **settings: Any) -> WSGIHandler:
        urls = type("Urls", (), {"urlpatterns": urlpatterns})
        override = override_settings(**{**SETTINGS, "ROOT_URLCONF": urls, **settings})
        override.enable()
        overrides.append(override)
        return WSGIHandler()

    yield make
    for override in reversed(overrides):
        override.disable()
