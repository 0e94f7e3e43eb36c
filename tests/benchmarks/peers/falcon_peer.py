"""Falcon without a session: its bare route."""

import falcon


class Index:
    def on_get(self, request, response):
        response.text = "Hello, World!"


hello = falcon.App(media_type=falcon.MEDIA_HTML)
hello.add_route("/", Index())
