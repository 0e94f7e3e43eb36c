"""The contexts of a request, kept open after its response for the test to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from werkzeug.local import LocalStack

from ..lifecycle import run_all
from ..request_context import RequestContext
from ..stacks import request_contexts


class _Kept(NamedTuple):
    context: RequestContext
    end: Callable[[], object]


class KeptContexts:
    """Those of the last request: one, or several where a layer has called the pipeline again."""

    def __init__(self) -> None:
        self._ended: list[_Kept] = []
        self._shown: list[_Kept] = []

    def keep(self, context: RequestContext, end: Callable[[], object]) -> None:
        """Take a context whose response has ended: the value of ``environ["wsgikit.keep"]``."""
        self._ended.append(_Kept(context, end))

    def show(self) -> None:
        """Make what was kept current here: ``request``, ``session`` and ``g`` point to it."""
        while self._ended:
            kept = self._ended.pop(0)
            self._shown.append(kept)
            request_contexts.push(kept.context)

    def end(self) -> None:
        """End all that was kept, each in its own ``contextvars.Context``, last one first."""
        self.show()
        run_all(self._ends())

    def _ends(self) -> Iterator[Callable[[], object]]:
        while self._shown:
            yield partial(_end, self._shown.pop())


def _end(kept: _Kept) -> None:
    _remove(request_contexts, kept.context)
    kept.end()


def _remove(stack: LocalStack[Any], item: object) -> None:
    """Take ``item`` off the stack, also from under what was pushed meanwhile."""
    items = []
    while stack.top is not None:
        items.append(stack.pop())
    for each in reversed(items):
        if each is not item:
            stack.push(each)
