"""The two stacks of contexts, of which each thread, greenlet and task sees only its own.

One list is behind both: a request counts in it as its own app context too.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Self

from werkzeug.local import LocalStack

from . import signals
from .lifecycle import raise_after

if TYPE_CHECKING:
    from .app import App
    from .app_context import AppContext
    from .request_context import RequestContext

# The list is replaced, never changed: threads and tasks get it with their copy of the variables.
contexts: ContextVar[list[StackedContext]] = ContextVar("wsgikit.contexts")
"""What is pushed, the current one last."""


class _AppContexts(LocalStack["AppContext"]):
    @property
    def top(self) -> AppContext | None:
        """The current app context, which may be that of a request."""
        pushed = contexts.get(None)
        return pushed[-1].app_context if pushed else None


class _RequestContexts(LocalStack["RequestContext"]):
    @property
    def top(self) -> RequestContext | None:
        """The current request context; app contexts may have been pushed above it."""
        for context in reversed(contexts.get(())):
            if context.is_request:
                return context  # type: ignore[return-value]
        return None


app_contexts = _AppContexts(contexts)  # type: ignore[arg-type]
request_contexts = _RequestContexts(contexts)  # type: ignore[arg-type]


class StackedContext:
    """Push, pop and ``with``. A context that is pushed again ends with its last pop."""

    app: App
    is_request = False
    _depth = 0
    has_ended = False
    """Whether its teardown has run: nothing in it can be used any more."""

    @property
    def app_context(self) -> AppContext:
        """What ``current_app`` and ``g`` belong to while this is the current context."""
        raise NotImplementedError

    @property
    def is_pushed(self) -> bool:
        """Whether it has been pushed more often than popped."""
        return self._depth > 0

    @property
    def is_on_top(self) -> bool:
        """Whether it is the last one that was pushed here."""
        pushed = contexts.get(None)
        return bool(pushed) and pushed[-1] is self

    def push(self) -> None:
        """Make this context the current one.

        :raises RuntimeError: it has ended already.
        """
        if self.has_ended:
            raise RuntimeError(f"{self!r} cannot be pushed again.\n\nMake another context.")
        self._depth += 1
        contexts.set([*contexts.get(()), self])
        if signals.appcontext_pushed.receivers:
            self._send_pushed()

    def _send_pushed(self) -> None:
        try:
            signals.appcontext_pushed.send(self.app)
        except BaseException as error:
            raise_after(error, self.pop, error)

    def pop(self, outcome: BaseException | None = None) -> None:
        """Make the previous context current again; with the last pop, run the teardown.

        :param outcome: how the work in this context ended: the exception, or None.
        :raises RuntimeError: another context is the current one.
        """
        if not self.is_on_top:
            current = contexts.get(())[-1:]
            raise RuntimeError(
                f"popped {self!r}, but the current context is {current[0] if current else None!r}"
            )
        self._take_off(outcome)

    def _take_off(self, outcome: BaseException | None) -> None:
        self._depth -= 1
        try:
            if self._depth == 0:
                self._end(outcome)
        finally:
            contexts.set(contexts.get()[:-1])

    def _end(self, outcome: BaseException | None) -> None:
        try:
            self._tear_down(outcome)
        finally:
            self.has_ended = True

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
