"""One report for each unhandled exception: a signal, and a line in the app's log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from wsgiref.types import WSGIEnvironment

from . import signals
from .environ import REQUEST_ID
from .errors import ClientDisconnected, ResponseAborted
from .request_context import RequestContext


def request_id(environ: WSGIEnvironment) -> str:
    """The request's id: what a layer outside has put into the environ, or one made now.

    Never what the client's headers say: that could be anything, and stand for another request.
    """
    found: str = environ.setdefault(REQUEST_ID, "") or token_hex(8)
    environ[REQUEST_ID] = found
    return found


def propagates(context: RequestContext) -> bool:
    """Whether unhandled errors go through to the server or the test: ``PROPAGATE_EXCEPTIONS``."""
    config = context.app.config
    propagate = config["PROPAGATE_EXCEPTIONS"]
    return bool(config["TESTING"] if propagate is None else propagate)


def _single(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _single(each)]
    return [error]


def _is_news(context: RequestContext, error: BaseException) -> bool:
    if isinstance(error, (ClientDisconnected, ResponseAborted)) or error is context.disconnection:
        return False
    return all(error is not each for each in context.reported)


def report(context: RequestContext, environ: WSGIEnvironment, error: Exception) -> None:
    """Log ``error`` and send ``got_request_exception``, unless that has been done.

    What a logging filter or a receiver raises goes to ``wsgi.errors``: it must take neither the
    place of the error, nor the teardown from the request. An error that is raised to a test or the
    server is not logged here: they show it. A client that has left is no error. The log line has
    the method, path and id alone: no cookie, header or form value.
    """
    news = [each for each in _single(error) if _is_news(context, each)]
    if not news:
        return
    context.reported = (*context.reported, *news)
    with _failures_shown(environ):
        if not propagates(context):
            _log(context, environ, error)
    with _failures_shown(environ):
        signals.send(signals.got_request_exception, context.app, exception=error)


def _log(context: RequestContext, environ: WSGIEnvironment, error: Exception) -> None:
    context.app.logger.error(
        "Exception on %r [%s], request %s",  # %r: a path may hold line feeds
        environ.get("PATH_INFO", ""),
        environ.get("REQUEST_METHOD"),
        request_id(environ),
        exc_info=error,
    )


@contextmanager
def _failures_shown(environ: WSGIEnvironment) -> Iterator[None]:
    try:
        yield
    except Exception:
        traceback.print_exc(file=environ.get("wsgi.errors"))  # None: standard error
