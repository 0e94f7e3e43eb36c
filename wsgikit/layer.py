"""What our middlewares have in common: an app inside, which is called for each request."""

from __future__ import annotations

from copy import copy
from typing import ClassVar
from wsgiref.types import WSGIApplication


class Layer:
    """A layer around ``app``.

    ``self.call_app(environ, start_response)`` does what ``self.app(environ, start_response)`` does.
    Where the app is a layer too, that is its method, which takes less than half as long to call.
    """

    observes: ClassVar[bool] = False
    """Whether it names, logs or counts requests: see :func:`observed`. A copy must do so too."""
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


def observed(answer: WSGIApplication, inside: WSGIApplication) -> WSGIApplication:
    """``answer``, within copies of those layers that observe and stand outermost in ``inside``.

    For a layer that answers in the place of ``inside`` and is to be seen by these all the same.
    """
    if not isinstance(inside, Layer) or not inside.observes:
        return answer
    twin = copy(inside)
    twin.app = observed(answer, inside.app)
    return twin
