"""The little app in Falcon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

Responder = Callable[[falcon.Request, falcon.Response], None]


class Page:
    """Falcon's resource for one function; HEAD is a method of its own there."""

    def __init__(self, responder: Responder, *, post: bool = False) -> None:
        self.on_get = self.on_head = responder
        if post:
            self.on_post = responder


def build(views: Any, *, lets_errors_out: bool = False) -> falcon.App:
    app = falcon.App()
    if lets_errors_out:
        app.add_error_handler(LookupError, _raise)
    for path, view in views.PAGES.items():
        app.add_route(path, Page(_texting(view), post=True))
    for path, stream in views.STREAMS.items():
        app.add_route(path, Page(_streaming(stream)))
    app.add_route("/fail", Page(_texting(views.fail)))
    _add_own_pages(app, views)
    return app


def _raise(req, resp, error, params):
    raise error


def _texting(view: Any) -> Responder:
    def respond(req, resp):
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = view()

    return respond


def _streaming(stream: Any) -> Responder:
    def respond(req, resp):
        resp.content_type = falcon.MEDIA_TEXT
        resp.stream = stream(req.env)

    return respond


def _add_own_pages(app: falcon.App, views: Any) -> None:
    def tagged(req, resp):
        resp.etag = views.ETAG
        if req.if_none_match and views.ETAG.strip('"') in req.if_none_match:
            resp.status = falcon.HTTP_304
        else:
            resp.text = "tagged"

    def file(req, resp):
        resp.content_length = views.FILE.stat().st_size
        if req.method != "HEAD":  # for which Falcon would drop the file without closing it
            resp.stream = views.FILE.open("rb")

    app.add_route("/plain", Page(_texting(lambda: "plain")))
    app.add_route("/empty", Page(empty))
    app.add_route("/redirect", Page(redirect))
    app.add_route("/form", Page(form, post=True))
    app.add_route("/own", Page(own))
    app.add_route("/tagged", Page(tagged))
    app.add_route("/file", Page(file))


def empty(req, resp):
    resp.status = falcon.HTTP_204


def redirect(req, resp):
    raise falcon.HTTPFound("/plain")


def form(req, resp):
    resp.text = req.get_media()["word"]


def own(req, resp):
    number = int(req.cookies.get("own", 0)) + 1
    resp.set_cookie("own", str(number), secure=False)
    resp.text = str(number)
