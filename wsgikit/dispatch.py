"""From a request at the router to the view that answers it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import MethodNotAllowed, NotFound

from .before_request import run_before_request
from .environ import CONTEXT, HOLD
from .held_request import hold
from .request_context import RequestContext
from .responses import send

if TYPE_CHECKING:
    from .app import App


def dispatch(app: App, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request of ``app`` by its view, or by its fallback when no route matches.

    This is the app as a WSGI callable. Errors are left to the layers around.

    :raises RuntimeError: there is no pipeline around, or it is another app's.
    :raises werkzeug.exceptions.HTTPException: no route matches, and there is no fallback.
    """
    context: RequestContext | None = environ.get(CONTEXT)
    if context is None or context.app is not app:
        raise RuntimeError(_describe_misplaced(app, context))
    if HOLD in environ:
        hold(context)
    rule, view_args, error = context.route_here(environ)
    if error is not None:
        if app.fallback is not None and isinstance(error, (NotFound, MethodNotAllowed)):
            return app.fallback(environ, start_response)
        raise error
    result = None
    if app.blueprints and context.hooked is not None:  # the app's own hooks have all run
        result = run_before_request(context)
    if result is None and context.environ["REQUEST_METHOD"] == "OPTIONS":
        result = _automatic_options(app, context)
    if result is None:
        result = app.view_functions[rule.endpoint](**view_args)  # type: ignore[union-attr]
    return send(result, app, environ, start_response)


def _automatic_options(app: App, context: RequestContext) -> Any:
    if not getattr(context.route.rule, "provide_automatic_options", False):
        return None
    allowed = context.url_adapter.allowed_methods()
    return app.response_class(headers={"Allow": ", ".join(sorted(allowed))})


def _describe_misplaced(app: App, context: RequestContext | None) -> str:
    if context is None:
        return (
            f"App {app.name!r} is served without a pipeline, so request, session and g have "
            "nothing to point to.\n\nWrap it: application = standard(app), from "
            "wsgikit.middleware."
        )
    return (
        f"App {app.name!r} is served in the pipeline of App {context.app.name!r}.\n\n"
        "Give it a chain of its own: fallback=standard(inner_app)."
    )
