"""What users have today, each in an app as its documentation writes it: ``flask-redis``,
``flask-files`` and ``beaker`` are the first segment of the path.
"""

import os
import time
from pathlib import Path
from typing import Any

import flask
from beaker.middleware import SessionMiddleware
from cachelib import FileSystemCache
from flask_session import Session
from redis import Redis
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Request, Response

LINGER = 0.02
"""Seconds that a slow reader takes, as in the app ``stores``."""
FOLDER = Path(os.environ["WSGIKIT_TEST_FOLDER"])


def flask_session(**config: Any) -> flask.Flask:
    app = flask.Flask("peer")
    app.config.update(config)
    Session(app)

    @app.post("/begin")
    def begin() -> str:
        flask.session["begun"] = True
        return "begun"

    @app.get("/")
    def read() -> dict[str, Any]:
        return dict(flask.session)

    @app.get("/linger")
    def read_slowly() -> dict[str, Any]:
        values = dict(flask.session)
        time.sleep(LINGER)
        return values

    @app.post("/increment/<key>")
    def increment(key: str) -> str:
        flask.session[key] = flask.session.get(key, 0) + 1
        return str(flask.session[key])

    return app


@Request.application
def beaker_app(request: Request) -> Response:
    session = request.environ["beaker.session"]
    _, action, *keys = request.path.split("/")
    for key in keys:
        session[key] = session.get(key, 0) + 1
    if action == "begin":
        session["begun"] = True
    values = {name: value for name, value in session.items() if name[0] != "_"}
    if action == "linger":
        time.sleep(LINGER)
    return Response(flask.json.dumps(values), content_type="application/json")


application = DispatcherMiddleware(
    Response("no such peer", status=404),
    {
        "/flask-redis": flask_session(
            SESSION_TYPE="redis", SESSION_REDIS=Redis.from_url(os.environ["STORE"])
        ),
        "/flask-files": flask_session(
            SESSION_TYPE="cachelib",
            SESSION_CACHELIB=FileSystemCache(str(FOLDER / "flask"), threshold=0),
        ),
        "/beaker": SessionMiddleware(
            beaker_app,
            {
                "session.type": "file",
                "session.data_dir": str(FOLDER / "beaker"),
                "session.cookie_expires": 300,
                "session.auto": True,
            },
        ),
    },
)
