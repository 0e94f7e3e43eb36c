"""A chain for each outage policy, and one around Flask, each mounted at its name.

Each answer says in ``X-Store-Calls`` how long the layer's calls of the store took, and whether they
failed.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from wsgikit import App, session
from wsgikit.environ import SESSION
from wsgikit.middleware import standard
from wsgikit.sessions import SessionStore, make_store

POLICIES = ("unavailable", "empty", "cookie")
TIMED = ("load", "create", "commit", "touch", "delete")

calls = threading.local()


def timed(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        start, failed = time.monotonic(), True
        try:
            result = method(*args, **kwargs)
            failed = False
            return result
        finally:
            calls.made.append([time.monotonic() - start, failed])

    return call


def timed_store() -> SessionStore:
    store = make_store(os.environ["STORE"])
    for name in TIMED:
        setattr(store, name, timed(getattr(store, name)))
    return store


def own_app(policy: str) -> Any:
    app = App(policy, config={"SECRET_KEY": "only for tests", "SESSION_COOKIE_NAME": policy})

    @app.get("/")
    def read() -> dict[str, Any]:
        return dict(session)

    @app.post("/<key>/<int:value>")
    def write(key: str, value: int) -> dict[str, Any]:
        session[key] = value
        return dict(session)

    return standard(app, store=timed_store(), outage=policy)


def wrapped_flask() -> Any:
    app = flask.Flask("wrapped")

    @app.get("/")
    def read() -> dict[str, Any]:
        return dict(flask.request.environ[SESSION])

    @app.post("/<key>/<int:value>")
    def write(key: str, value: int) -> dict[str, Any]:
        flask.request.environ[SESSION][key] = value
        return dict(flask.request.environ[SESSION])

    @app.errorhandler(Exception)
    def sorry(error: Exception) -> tuple[str, int]:
        return "sorry", 500

    settings = {"SECRET_KEY": "only for tests", "SESSION_COOKIE_NAME": "flask"}
    return standard(app, current_app=App("flask", config=settings), store=timed_store())


mounts = {f"/{policy}": own_app(policy) for policy in POLICIES}
mounts["/flask"] = wrapped_flask()
site = DispatcherMiddleware(Response("no such policy", status=404), mounts)


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    calls.made = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        return start_response(
            status, [*headers, ("X-Store-Calls", json.dumps(calls.made))], exc_info
        )

    return site(environ, start)
