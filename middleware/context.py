"""Pushes the contexts of a request, and pops them when its body is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.app import App, find_app
from wsgikit.closing import EndedBody, close_with
from wsgikit.environ import CONTEXT, KEEP
from wsgikit.errors import ConfigurationError
from wsgikit.lifecycle import Runner
from wsgikit.served_request import ServedRequest
from wsgikit.server_input import ServerInput

_EMPTY = ("", "0")


class ContextMiddleware:
    """Make ``current_app``, ``g``, ``request`` and ``session`` work from here inwards.

    :param app: the WSGI app inside.
    :param current_app: what ``current_app`` points to. Default: the ``App`` that the chain serves.
    :raises ConfigurationError: there is no ``App`` inside and none is given.

    Sets ``environ["wsgikit.context"]``. Place it outside every other layer that uses the request
    or ``g``, because they find the context here; only layers that correct the environ itself,
    such as ``ProxyFix``, belong further out.

    The app call, each chunk and the ``close`` of one request run in one ``contextvars.Context``
    made for it, so a variable that an app sets and never resets reaches no other request, and
    a streamed body keeps its context to the last chunk. The contexts are popped when the server
    closes the body (PEP 3333, "Handling the close() method"): every teardown runs then, once.
    """

    provides = (CONTEXT,)

    def __init__(self, app: WSGIApplication, /, *, current_app: App | None = None) -> None:
        inner = find_app(app)
        self.app = app
        chosen = current_app or inner
        if chosen is None:
            raise ConfigurationError(
                "ContextMiddleware finds no App inside it for current_app to point to.\n\n"
                "Give one for config and hooks: current_app=App('legacy')."
            )
        self.current_app = chosen
        self.is_inner = inner is chosen

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        outer: ServedRequest | None = environ.get(CONTEXT)
        if outer is not None:  # a pipeline in a pipeline: the outer one keeps its own keys
            environ = dict(environ)
        context = environ[CONTEXT] = ServedRequest(self.current_app, environ, self.is_inner)
        context.server_start = start_response
        context.outer = outer
        run = copy_context().run
        if KEEP in environ:  # taken out: it is not for a pipeline further inside
            context.keep = partial(_keep, environ.pop(KEEP), context, run)
        if environ.get("CONTENT_LENGTH", "0") not in _EMPTY or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = ServerInput(context, environ["wsgi.input"])
        return run(self._open, context, environ, run)  # type: ignore[no-any-return]

    def _open(
        self, context: ServedRequest, environ: WSGIEnvironment, run: Runner
    ) -> Iterable[bytes]:
        try:
            context.push()
            body = self.app(environ, context.start_response)
            if type(body) is list and context.ends_quietly():
                return EndedBody(body)
        except BaseException as error:
            context.raise_after_end(error)
        return close_with(context, body, environ, run)


def _keep(keep: Any, context: ServedRequest, run: Runner, end: Callable[[], object]) -> None:
    keep(context, partial(run, end))
