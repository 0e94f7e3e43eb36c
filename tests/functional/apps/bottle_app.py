"""The little app in Bottle."""

from __future__ import annotations

from typing import Any

from bottle import Bottle, HTTPResponse, redirect, request, response, static_file

KEY = "Bottle's own key"


def build(views: Any, *, lets_errors_out: bool = False) -> Bottle:
    app = Bottle()
    app.config["catchall"] = not lets_errors_out
    for path, view in views.PAGES.items():
        app.route(path, ["GET", "POST"], view)
    for path, stream in views.STREAMS.items():
        app.route(path, "GET", _streaming(stream))
    app.route("/fail", "GET", views.fail)
    app.route("/own", "GET", own)
    _add_own_pages(app, views)
    return app


def _streaming(stream: Any) -> Any:
    def page():
        response.content_type = "text/plain"
        return stream(request.environ)

    return page


def _add_own_pages(app: Bottle, views: Any) -> None:
    app.route("/plain", "GET", lambda: "plain")
    app.route("/empty", "GET", lambda: HTTPResponse(status=204))
    app.route("/redirect", "GET", lambda: redirect("/plain"))
    app.route("/file", "GET", lambda: static_file(views.FILE.name, str(views.FILE.parent)))
    app.route("/form", "POST", lambda: request.forms["word"])

    @app.route("/tagged")
    def tagged():
        if request.get_header("If-None-Match") == views.ETAG:
            return HTTPResponse(status=304, ETag=views.ETAG)
        return HTTPResponse("tagged", ETag=views.ETAG)


def own():
    number = str(int(request.get_cookie("own", "0", secret=KEY)) + 1)
    response.set_cookie("own", number, secret=KEY)
    return number
