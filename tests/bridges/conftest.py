"""Chains whose session layer keeps sessions in the cookie or in a store, and Django on them."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wsgikit.sessions import MemoryStore

runpy.run_path(str(Path(__file__).parents[1] / "django_settings.py"))

from django.contrib.auth.models import User  # noqa: E402 - needs the settings
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

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


@pytest.fixture(params=["cookie", "memory"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of the session layer, for each place that a session may live in."""
    return {"secret_key": KEY, "store": MemoryStore() if request.param == "memory" else None}


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
