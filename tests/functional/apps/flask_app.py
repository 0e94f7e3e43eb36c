"""The little app in Flask."""

from __future__ import annotations

from typing import Any

import flask


def build(views: Any, *, lets_errors_out: bool = False) -> flask.Flask:
    app = flask.Flask("little")
    app.config.update(SECRET_KEY="Flask's own key", PROPAGATE_EXCEPTIONS=lets_errors_out)
    for path, view in views.PAGES.items():
        app.add_url_rule(path, path, view, methods=["GET", "POST"])
    for path, stream in views.STREAMS.items():
        app.add_url_rule(path, path, _streaming(stream))
    app.add_url_rule("/fail", "fail", views.fail)
    _add_own_pages(app, views)
    _add_own_session(app)
    return app


def _streaming(stream: Any) -> Any:
    return lambda: flask.Response(stream(flask.request.environ), mimetype="text/plain")


def _add_own_pages(app: flask.Flask, views: Any) -> None:
    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/empty", "empty", lambda: ("", 204))
    app.add_url_rule("/redirect", "redirect", lambda: flask.redirect("/plain"))
    app.add_url_rule("/file", "file", lambda: flask.send_file(views.FILE, mimetype="text/plain"))

    @app.post("/form")
    def form():
        return flask.request.form["word"]

    @app.get("/tagged")
    def tagged():
        response = flask.Response("tagged")
        response.set_etag(views.ETAG.strip('"'))
        return response.make_conditional(flask.request)


def _add_own_session(app: flask.Flask) -> None:
    @app.get("/own")
    def own():
        flask.session["own"] = flask.session.get("own", 0) + 1
        return str(flask.session["own"])

    @app.get("/notice")
    def notice():
        flask.flash("noted")
        return "ok"

    @app.get("/notices")
    def notices():
        return " ".join(flask.get_flashed_messages())
