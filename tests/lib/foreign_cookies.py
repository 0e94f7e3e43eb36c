"""Session cookies that real apps of other frameworks set, as a browser gets them."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from flask import Flask, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

Fill = Callable[[MutableMapping[str, Any]], object]

DJANGO = """
import json, os, sys
import django
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import path

asked = json.loads(os.environ["ASKED"])
settings.configure(
    **asked["settings"],
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
)
django.setup()

def fill(request):
    request.session.update(asked["data"])
    if "expiry" in asked:
        request.session.set_expiry(asked["expiry"])
    return HttpResponse()

urlpatterns = [path("", fill)]
response = Client().get("/")
assert response.status_code == 200
(cookie,) = response.cookies.values()
sys.stdout.write(cookie.value)
"""


def flask_cookie(fill: Fill, **config: Any) -> str:
    """The value that a Flask app with ``config`` sets when a view has filled the session."""
    app = Flask("moved")
    app.config.from_mapping(config)

    @app.get("/")
    def view() -> str:
        fill(session)
        return ""

    response = app.test_client().get("/")
    assert response.status_code == 200
    return _value_of(response.headers["Set-Cookie"])


def starlette_cookie(fill: Fill, **options: Any) -> str:
    """The value that a Starlette app sets; the options are its SessionMiddleware's."""

    async def view(request: Request) -> PlainTextResponse:
        fill(request.session)
        return PlainTextResponse("")

    layer = Middleware(SessionMiddleware, **options)
    app = Starlette(routes=[Route("/", view)], middleware=[layer])
    headers = asyncio.run(_get(app))
    return _value_of(headers["set-cookie"])


async def _get(app: Starlette) -> dict[str, str]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def django_cookie(data: dict[str, Any], expiry: int | None = None, **settings: Any) -> str:
    """The value that a Django app sets, in a process of its own: settings are one a process."""
    asked: dict[str, Any] = {"data": data, "settings": settings}
    if expiry is not None:
        asked["expiry"] = expiry
    environ = {**os.environ, "ASKED": json.dumps(asked)}
    command = [sys.executable, "-c", DJANGO]
    process = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout


def _value_of(set_cookie: str) -> str:
    return set_cookie.partition(";")[0].partition("=")[2]
