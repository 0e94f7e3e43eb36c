"""The before_request hooks, of the app and of the blueprints around the route."""

from __future__ import annotations

from typing import Any

from .request_context import RequestContext


def run_before_request(context: RequestContext) -> Any:
    """Run the hooks around the route that have not run yet, and return the first answer, or None.

    ``HooksMiddleware`` runs them ahead of the app. Behind a mount or a rewriting layer the route is
    known to the router only, which runs the rest: a blueprint's hooks may keep strangers out.
    """
    done = context.hooked or ()
    due = [each for each in context.scaffolds if each not in done]
    context.hooked = (*done, *due)
    for scaffold in due:
        for function in scaffold.before_request_funcs:
            result = function()
            if result is not None:
                return result
    return None
