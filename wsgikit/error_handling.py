"""From an exception to the response that the app's error handlers make of it."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import RoutingException

from .error_page import error_page
from .error_report import propagates, report
from .request_context import RequestContext
from .responses import make_response
from .scaffold import Handler


def find_handler(context: RequestContext, error: Exception) -> Handler | None:
    """Find the handler of ``error``: by status code, then by class.

    Blueprints come before the app, innermost first; the error's own class before its bases.
    """
    code = None
    if isinstance(error, HTTPException):
        code = error.code
        if code is None or isinstance(error, RoutingException):
            return None  # abort(response), or a redirect to the rule's own URL
    scaffolds = context.scaffolds[::-1]
    for wanted in (code, None) if code is not None else (None,):
        for scaffold in scaffolds:
            handlers: dict[type[Any], Handler] = scaffold.error_handlers.get(wanted, {})
            for cls in type(error).__mro__:
                if cls in handlers:
                    return handlers[cls]
    return None


def respond(context: RequestContext, error: Exception) -> Any | None:
    """Make the response to ``error``, or return None when no handler takes it.

    An ``HTTPException`` is its own response. Any other error without a handler of its class goes,
    once reported, to the handler of 500, as ``InternalServerError`` with ``original_exception``.
    """
    handler = find_handler(context, error)
    if handler is not None:
        return make_response(handler(error))
    if isinstance(error, HTTPException):
        return error_page(error, context.environ)
    handler = find_handler(context, server_error := InternalServerError(original_exception=error))
    if handler is None or propagates(context) or context.answers_500:
        return None
    context.answers_500 = True  # so an error of this handler does not come here again
    report(context, context.environ, error)
    return make_response(handler(server_error))


def record_failure(context: RequestContext, error: Exception) -> None:
    """Keep the view's exception as the request's outcome, also if a handler makes a page of it.

    What the router raised for an unknown path, and a raised redirect, are no failures.
    """
    code = error.code if isinstance(error, HTTPException) else 500
    is_failure = code is not None and code >= 400 and error is not context.route.error
    if is_failure and context.outcome is None:
        context.outcome = error
