"""Lets no connection be kept once the server was told to stop."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.draining import close_if_draining
from wsgikit.layer import Layer


class DrainMiddleware(Layer):
    """From the server's SIGTERM on, answer with ``Connection: close``.

    :param app: the WSGI app inside.

    Proxies then send their next requests elsewhere, instead of on a connection that the server
    closes soon (RFC 9112, 9.6). PEP 3333 ("Other HTTP Features") leaves that header to the server,
    and gunicorn drops an app's, so this needs the hooks of ``wsgikit.gunicorn``: they tell when to
    begin, and set ``environ["wsgikit.close_connection"]``. Under other servers it does nothing.

    To wait for the bodies under way is the server's part: gunicorn gives them
    ``graceful_timeout``, and takes no new connections meanwhile.

    Place it outside ``ContextMiddleware``, where it costs least: it needs no context.
    """

    def __init__(self, app: WSGIApplication, /) -> None:
        super().__init__(app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.call_app(environ, close_if_draining(environ, start_response))
