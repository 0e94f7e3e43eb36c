"""Questions and requests to whatever context is current."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, ParamSpec, TypeVar, cast

from .request_context import RequestContext
from .stacks import app_contexts, request_contexts

P = ParamSpec("P")
R = TypeVar("R")
AfterRequest = TypeVar("AfterRequest", bound="Callable[[Any], Any]")


def has_app_context() -> bool:
    """Whether ``current_app`` and ``g`` can be used here: not in what outlives their request."""
    context = app_contexts.top
    return context is not None and not context.has_ended


def has_request_context() -> bool:
    """Whether ``request`` and ``session`` can be used here: not in what outlives the request."""
    context = request_contexts.top
    return context is not None and not context.has_ended


def current_request_context(caller: str) -> RequestContext:
    """The request context that ``caller`` works on.

    :raises RuntimeError: there is none, or it has ended.
    """
    context = request_contexts.top
    if context is None or context.has_ended:
        why = "there is none" if context is None else "it has ended"
        raise RuntimeError(
            f"{caller} works on the current request, and {why}: working outside of "
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

    Each call has a copy of its own, with a ``g`` of its own, and runs in a copy of the
    ``contextvars.Context`` of here: one wrapped function serves a whole pool, and leaves nothing
    in its threads. The session can be read there until the request has ended, and not be written
    to. Read the request's body before handing over: afterwards it is gone.

    A coroutine function runs in an asyncio task of its own, with the copy to its last ``await``.

    >>> results = pool.map(copy_current_request_context(work), items)

    :raises RuntimeError: there is no current request, or it has ended.
    :raises TypeError: ``f`` is a generator function.
    """
    _check_body_runs_in_call(f)
    handed_over = current_request_context("copy_current_request_context").copy()
    variables = copy_context()

    @wraps(f)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return variables.copy().run(_call_with, handed_over.copy(), f, args, kwargs)

    @wraps(f)
    async def run_as_task(*args: P.args, **kwargs: P.kwargs) -> Any:
        from asyncio import create_task  # here, because few apps need it, and it takes a while

        coroutine = _await_with(handed_over.copy(), f, args, kwargs)
        return await create_task(coroutine, context=variables.copy())

    return cast("Callable[P, R]", run_as_task) if _is_kind(iscoroutinefunction, f) else call


def _call_with(
    context: RequestContext, f: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> R:
    with context:
        return f(*args, **kwargs)


async def _await_with(
    context: RequestContext, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    with context:
        return await f(*args, **kwargs)


def _check_body_runs_in_call(f: Callable[..., Any]) -> None:
    if _is_kind(isgeneratorfunction, f):
        instead = "def work(): return list(rows())"
    elif _is_kind(isasyncgenfunction, f):
        instead = "async def work(): return [row async for row in rows()]"
    else:
        return
    raise TypeError(
        f"copy_current_request_context cannot wrap the generator function {f!r}: its body would "
        "run when the call, and the copy with it, has ended.\n\n"
        f"Wrap a function that uses it up, such as '{instead}'."
    )


def _is_kind(test: Callable[[Any], bool], f: Callable[..., Any]) -> bool:
    return test(f) or test(type(f).__call__)
