"""Messages that the visitor sees on the next page, kept in the session until then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, overload

from markupsafe import Markup

from . import signals
from .current import current_request_context
from .proxies import current_app, session

_KEY = "_flashes"  # Flask's


def flash(message: str, category: str = "message") -> None:
    """Keep ``message`` for the next page that shows messages.

    :param message: text, or ``Markup``, which no template escapes.
    :param category: ``"message"``, ``"error"``, ``"info"``, ``"warning"`` or one of your own.
    """
    kept = message if isinstance(message, Markup) else str(message)
    session[_KEY] = [*session.get(_KEY, ()), [category, kept]]
    signals.send(
        signals.message_flashed,
        current_app._get_current_object(),
        message=message,
        category=category,
    )


@overload
def get_flashed_messages(
    with_categories: Literal[False] = False, category_filter: Iterable[str] = ()
) -> list[str]: ...


@overload
def get_flashed_messages(
    with_categories: Literal[True], category_filter: Iterable[str] = ()
) -> list[tuple[str, str]]: ...


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Take the messages out of the session; later calls in this request get the same ones.

    :param with_categories: return ``(category, message)`` pairs.
    :param category_filter: only these categories.
    """
    context = current_request_context("get_flashed_messages")
    if context.flashes is None:
        kept = session.pop(_KEY) if _KEY in session else []
        context.flashes = [(category, message) for category, message in kept]
    wanted = set(category_filter)
    flashes = [pair for pair in context.flashes if not wanted or pair[0] in wanted]
    return flashes if with_categories else [message for _, message in flashes]
