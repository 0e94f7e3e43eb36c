"""Questions and requests to whatever context is current."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .request_context import RequestContext
from .stacks import app_contexts, request_contexts

P = ParamSpec("P")
R = TypeVar("R")
AfterRequest = TypeVar("AfterRequest", bound="Callable[[Any], Any]")


def has_app_context() -> bool:
    """Whether ``current_app`` and ``g`` can be used here."""
    return app_contexts.top is not None


def has_request_context() -> bool:
    """Whether ``request`` and ``session`` can be used here."""
    return request_contexts.top is not None


def current_request_context(caller: str) -> RequestContext:
    """The request context that ``caller`` works on.

    :raises RuntimeError: there is none.
    """
    context = request_contexts.top
    if context is None:
        raise RuntimeError(
            f"{caller} works on the current request, and there is none: working outside of "
            "request context.\n\nCall it from a view or a hook; in a test, inside "
            "'with app.test_request_context():'."
        )
    return context


def after_this_request(f: AfterRequest) -> AfterRequest:
    """Call ``f(response)`` before this request's headers leave; it may return another response.

    Run by ``HooksMiddleware``, ahead of the after_request hooks.
    """
    current_request_context("after_this_request").after_functions.append(f)
    return f


def copy_current_request_context(f: Callable[P, R]) -> Callable[P, R]:
    """Wrap ``f`` so that another thread or greenlet can call it with the current request.

    Each call pushes a copy of its own, so one wrapped function serves a whole pool. Read the
    request's body before handing over: the original thread may finish first.
    """
    original = current_request_context("copy_current_request_context")
    _ = original.request  # made here, by its own thread, before the copies ask for it

    @wraps(f)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with original.copy():
            return f(*args, **kwargs)

    return wrapper
