"""The two stacks of contexts, of which each thread, greenlet and task sees only its own."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.local import LocalStack

if TYPE_CHECKING:
    from .app_context import AppContext
    from .request_context import RequestContext

# The lists are replaced, never changed: threads and tasks hand them on with their contextvars.
app_context_list: ContextVar[list[AppContext]] = ContextVar("wsgikit.app_contexts")
request_context_list: ContextVar[list[RequestContext]] = ContextVar("wsgikit.request_contexts")
app_contexts: LocalStack[AppContext] = LocalStack(app_context_list)
request_contexts: LocalStack[RequestContext] = LocalStack(request_context_list)


class StackedContext:
    """Push, pop and ``with``. A context that is pushed again ends with its last pop."""

    _list: ContextVar[list[Any]]

    def __init__(self) -> None:
        self._depth = 0
        self.has_ended = False
        """Whether its teardown has run: nothing in it can be used any more."""

    @property
    def is_pushed(self) -> bool:
        """Whether it has been pushed more often than popped."""
        return self._depth > 0

    def push(self) -> None:
        """Make this context the current one.

        :raises RuntimeError: it has ended already.
        """
        self._put_on()

    def _put_on(self) -> None:
        if self.has_ended:
            raise RuntimeError(f"{self!r} cannot be pushed again.\n\nMake another context.")
        self._depth += 1
        self._list.set([*self._list.get(()), self])

    def pop(self, outcome: BaseException | None = None) -> None:
        """Make the previous context current again; with the last pop, run the teardown.

        :param outcome: how the work in this context ended: the exception, or None.
        :raises RuntimeError: another context is the current one.
        """
        self._check_current()
        self._take_off(outcome)

    def _take_off(self, outcome: BaseException | None) -> None:
        self._depth -= 1
        try:
            if self._depth == 0:
                self._end(outcome)
        finally:
            self._list.set(self._list.get()[:-1])

    def _end(self, outcome: BaseException | None) -> None:
        try:
            self._tear_down(outcome)
        finally:
            self.has_ended = True

    def _check_current(self) -> None:
        contexts = self._list.get(())
        top = contexts[-1] if contexts else None
        if top is not self:
            raise RuntimeError(f"popped {self!r}, but the current context is {top!r}")

    def _tear_down(self, outcome: BaseException | None) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pop(error)
