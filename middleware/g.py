"""Injects values and lazy providers into ``g``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.app import find_app
from wsgikit.environ import CONTEXT, G
from wsgikit.layer import Layer
from wsgikit.namespace import check_providers
from wsgikit.request_context import context_of


class GMiddleware(Layer):
    """Let ``g`` provide ``g.user``, ``g.db`` … to whatever is inside.

    :param app: the WSGI app inside.
    :param providers: by name: a plain value; or a callable without arguments, a generator
        function or a context manager, each of which runs at the first use of its attribute, once
        a request, and never when it is not touched.
    :raises ConfigurationError: a name would hide a method of ``g``, or a callable asks for
        arguments.

    A context manager is left, and a generator resumed, at teardown, last opened first, with the
    request's true outcome: the exception is raised at its ``yield``, so that it can commit or roll
    back. That is after the response has been sent: a view whose answer must not be seen before
    the data are stored commits by itself.

    Sets ``environ["wsgikit.g"]``. Place it inside ``ContextMiddleware``, which ``g`` belongs to,
    and outside the hooks and views that use it. The providers work in ``app.app_context()`` too.
    """

    requires = (CONTEXT,)
    provides = (G,)

    def __init__(self, app: WSGIApplication, /, **providers: Any) -> None:
        check_providers(providers)
        super().__init__(app)
        self.providers = providers
        current_app = find_app(app)
        if current_app is not None:
            current_app.providers.update(providers)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        g = environ[G] = context_of(environ).g
        if self.providers:
            g.provide(self.providers)
        return self.call_app(environ, start_response)
