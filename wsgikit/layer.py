"""What our middlewares have in common: an app inside, which is called for each request."""

from __future__ import annotations

from wsgiref.types import WSGIApplication


class Layer:
    """A layer around ``app``.

    ``self.call_app(environ, start_response)`` does what ``self.app(environ, start_response)`` does.
    Where the app is a layer too, that is its method, which takes less than half as long to call.
    """

    call_app: WSGIApplication

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    @property
    def app(self) -> WSGIApplication:
        """The WSGI app inside."""
        return self._app

    @app.setter
    def app(self, app: WSGIApplication) -> None:
        self._app = app
        # Not so for others' apps: monitoring replaces the __call__ of their classes, at any time.
        self.call_app = app.__call__ if isinstance(app, Layer) else app
