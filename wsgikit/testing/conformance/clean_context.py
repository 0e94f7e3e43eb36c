"""Whether a request leaves its context variables as it found them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from .rules import CONTEXT
from .violation import expect

_MISSING = object()


@contextmanager
def clean_context() -> Iterator[None]:
    """Expect that the block changes no context variable for those who come after it."""
    before = dict(copy_context().items())
    yield
    changed = [
        variable.name
        for variable, value in copy_context().items()
        if not _is_same(before.get(variable, _MISSING), value)
    ]
    expect(not changed, f"left these context variables changed: {', '.join(changed)}", CONTEXT)


def _is_same(before: Any, after: Any) -> bool:
    if before is _MISSING:
        # werkzeug's stacks leave an empty list in place of no value.
        return isinstance(after, (list, dict)) and not after
    if isinstance(before, (list, dict)):
        return type(after) is type(before) and after == before
    return before is after
