"""Falcon inside Beaker's session middleware."""

import falcon
from beaker.middleware import SessionMiddleware

from . import falcon_peer
from .beaker_options import OPTIONS


class SetUser:
    def process_request(self, request, response):
        request.context.user = "grace"


class Read:
    def on_get(self, request, response, name):
        session = request.env["beaker.session"]
        response.text = f"{name} {request.context.user} {session['visits']}"


class Write:
    def on_get(self, request, response):
        session = request.env["beaker.session"]
        session["visits"] = session.get("visits", 0) + 1
        session.save()
        response.text = str(session["visits"])


visits_app = falcon.App(media_type=falcon.MEDIA_HTML, middleware=[SetUser()])
visits_app.add_route("/read/{name}", Read())
visits_app.add_route("/write", Write())

hello = SessionMiddleware(falcon_peer.hello, OPTIONS)
visits = SessionMiddleware(visits_app, OPTIONS)
