"""Turns an unhandled exception into a 500 response, inside the context."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import InternalServerError
from werkzeug.sansio.utils import host_is_trusted

from wsgikit.closing import prime_stream
from wsgikit.deferred_start import DeferredStart
from wsgikit.environ import CONTEXT
from wsgikit.error_handling import record_failure, respond
from wsgikit.error_page import error_page
from wsgikit.error_report import propagates, report
from wsgikit.layer import Layer
from wsgikit.lifecycle import Headers
from wsgikit.proxy_headers import came_by_proxy
from wsgikit.request_context import RequestContext, context_of

_DEBUGGED = "wsgikit.debugged"


class ErrorMiddleware(Layer):
    """Answer 500 when the app inside raises before anything was sent; else let it through.

    :param app: the WSGI app inside.
    :param debug: show werkzeug's debugger, to clients on this machine only; its console works
        only where one process serves all requests.

    Each error is logged and sent as ``got_request_exception`` once. With ``PROPAGATE_EXCEPTIONS``,
    or in tests with ``TESTING``, it is raised again instead of answered. Once a chunk has been
    sent, the error goes to the server, which cuts the connection (PEP 3333, "Error Handling").

    Reads ``environ["wsgikit.context"]``. Place it right inside ``ContextMiddleware``, because
    error pages may use ``request`` and ``g``, and outside all else whose errors it is to answer.
    """

    requires = (CONTEXT,)

    def __init__(self, app: WSGIApplication, /, *, debug: bool = False) -> None:
        super().__init__(app)
        self.debug = debug
        self._debuggers = self._make_debuggers() if debug else ()

    def _make_debuggers(self) -> tuple[WSGIApplication, WSGIApplication]:
        # Imported here, because a production process has no use for it.
        from werkzeug.debug import DebuggedApplication

        # The console needs the process that raised, which the next request may not reach.
        one_process = DebuggedApplication(_raise_again, evalex=True, console_path="")
        return one_process, DebuggedApplication(_raise_again, evalex=False)

    def _debugger_for(self, environ: WSGIEnvironment) -> WSGIApplication | None:
        if not _is_local(environ):
            return None
        return self._debuggers[bool(environ["wsgi.multiprocess"])]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        debugger = self._debugger_for(environ) if self._debuggers else None
        if debugger is not None and "__debugger__=yes" in environ.get("QUERY_STRING", ""):
            return debugger(environ, start_response)  # what its page asks for
        context = context_of(environ)
        context.reports_errors = True
        try:
            # An error in the first chunk can still become a page.
            return prime_stream(self.call_app(environ, start_response), environ)
        except Exception as error:
            if context.has_written or error is context.disconnection:
                raise  # too late for a page: the server cuts the connection, or the client has
            # The restart has no name here, or it would keep the error, and that this frame.
            answer = self._answer(context, error, debugger)
            return _send(context, answer, partial(_restart, start_response, error))

    def _answer(
        self, context: RequestContext, error: Exception, debugger: WSGIApplication | None
    ) -> Any:
        record_failure(context, error)
        context.owes_nothing_now = False  # the start that had passed the session is not sent
        try:
            response = respond(context, error)
        except Exception as handler_error:  # its __context__ is the error it was called for
            error, response = handler_error, None
        if response is not None:
            return response
        report(context, context.environ, error)
        if debugger is not None:
            context.environ[_DEBUGGED] = error
            return debugger
        if propagates(context):
            raise error
        return error_page(InternalServerError(original_exception=error), context.environ)


def _raise_again(environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:
    raise environ.pop(_DEBUGGED)  # for the debugger to show


def _send(context: RequestContext, response: Any, restart: StartResponse) -> Iterable[bytes]:
    if context.hooked is None:  # no hook has run for this request, so none is owed
        return response(context.environ_for_response, restart)  # type: ignore[no-any-return]
    return DeferredStart(context, restart).finish_error(response)


def _restart(
    start_response: StartResponse, error: Exception, status: str, headers: Headers
) -> Callable[[bytes], object]:
    exc_info: Any = (type(error), error, error.__traceback__)
    return start_response(status, headers, exc_info)


def _is_local(environ: WSGIEnvironment) -> bool:
    if came_by_proxy(environ):
        return False  # the proxy is on this machine, its client may be anywhere
    try:
        return ip_address(environ.get("REMOTE_ADDR", "")).is_loopback and host_is_trusted(
            environ.get("HTTP_HOST", ""), ["localhost", "127.0.0.1", "[::1]"]
        )
    except ValueError:
        return False
