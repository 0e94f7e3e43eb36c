"""Watches one request on its way through the layers, and for how long each of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..environ import CONTEXT, SESSION
from ..lifecycle import Headers, is_file
from .layers import Node
from .watched_body import Watched, WatchedBody
from .where import describe_error


@dataclass
class Step:
    """What one layer did with the request."""

    node: Node | None
    outer: Step | None = None
    """The layer that calls it."""
    inner: list[Step] = field(default_factory=list)
    """Those that it calls."""
    seconds: float = 0.0
    """In its own code alone."""
    entered: WSGIEnvironment | None = None
    """The environ as the layer got it; None: it did not run."""
    handed: WSGIEnvironment | None = None
    """The environ as the next layer got it, or as it was when this one returned."""
    status: str = ""
    headers: Headers = field(default_factory=list)
    """The response's, as they left the layer."""
    names: list[str] = field(default_factory=list)
    """What appeared in ``g`` and ``session`` while it ran."""
    raised: str = ""


class Trace:
    """The way of one request: which layer runs now, and what has come of it so far."""

    def __init__(self) -> None:
        self.server = Step(None)
        """What no layer does, such as to take the chunks of a complete body."""
        self.own_seconds = 0.0
        """What the watching itself takes."""
        self._running = [self.server]
        self._environ: WSGIEnvironment = {}
        self._known: set[str] = set()
        self._since = 0.0

    def start(self) -> None:
        """Count the time from now on."""
        self._since = perf_counter()

    def stop(self) -> None:
        """Count what has passed until now."""
        self._note()

    def call(
        self, step: Step, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Call the ``app`` that ``step`` is about."""
        self._enter(step)
        self._environ = environ
        step.entered = dict(environ)
        if step.outer is not None and step.outer.handed is None:
            step.outer.handed = step.entered
        self._resume()
        body = self.run(step, app, environ, self._watched_start(step, start))
        return self._watched_body(step, body, environ)

    def run(self, step: Step, function: Callable[..., Any], *args: Any) -> Any:
        """Call ``function``, which is of ``step``, and go back to who ran before."""
        try:
            return function(*args)
        except BaseException as error:
            if not isinstance(error, StopIteration):
                step.raised = describe_error(error)
            raise
        finally:
            self._leave()

    def enter(self, step: Step) -> None:
        """Count the time from now on for ``step``."""
        self._enter(step)
        self._resume()

    def _enter(self, step: Step) -> None:
        self._note()
        self._running.append(step)

    def _leave(self) -> None:
        self._note()
        step = self._running.pop()
        if step.handed is None:
            step.handed = dict(self._environ)
        self._resume()

    def _note(self) -> None:
        step, now = self._running[-1], perf_counter()
        step.seconds += now - self._since
        self._since = now
        new = _names(self._environ) - self._known
        if new:
            step.names += sorted(new)
            self._known |= new

    def _resume(self) -> None:
        now = perf_counter()
        self.own_seconds += now - self._since
        self._since = now

    def _watched_start(self, step: Step, start: StartResponse) -> StartResponse:
        outer = step.outer or self.server

        def start_response(status: str, headers: Headers, *exc_info: Any) -> Any:
            step.status, step.headers = status, list(headers)
            self.enter(outer)
            try:
                return start(status, headers, *exc_info)
            finally:
                self._leave()

        return start_response

    def _watched_body(self, step: Step, body: Any, environ: WSGIEnvironment) -> Iterable[bytes]:
        if isinstance(body, (list, tuple, WatchedBody)):
            return body  # nothing of this layer's runs for it
        if hasattr(body, "__len__") or is_file(body, environ):
            with suppress(AttributeError):  # servers and layers know these by their type
                body.close = Watched(self, step, body.close)
            return body  # type: ignore[no-any-return]
        return WatchedBody(self, step, body)


class _Watch:
    """Stands for an app where a foreign layer keeps it."""

    def __init__(self, trace: Trace, step: Step, app: WSGIApplication) -> None:
        self._trace = trace
        self._step = step
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._trace.call(self._step, self._app, environ, start_response)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


@contextmanager
def watched(nodes: Sequence[Node]) -> Iterator[tuple[WSGIApplication, list[Step], Trace]]:
    """The application with a watch before each layer, for as long as the block lasts.

    The time of a layer that another one hides is counted for that one, and its step never runs.
    """
    trace, steps, around = Trace(), list[Step](), list[Step]()
    with ExitStack() as stack:
        for node in nodes:
            del around[node.depth :]
            step = Step(node, around[-1] if around else None)
            steps.append(step)
            is_hidden = bool(around) and node.link.put is None
            around.append(around[-1] if is_hidden else step)
            if step.outer is not None:
                step.outer.inner.append(step)
            if node.link.put is not None:
                stack.callback(node.link.put, node.layer)
                node.link.put(_Watch(trace, step, node.layer))
        yield _Watch(trace, steps[0], nodes[0].layer), steps, trace


def _names(environ: WSGIEnvironment) -> set[str]:
    """What is in ``g`` and ``session``, of those that were used."""
    names: set[str] = set()
    context, session = environ.get(CONTEXT), environ.get(SESSION)
    if context is not None:
        names.update(f"g.{name}" for name in vars(context.g))
    if session is not None and session.accessed:
        names.update(f"session[{name!r}]" for name in session)
    return names
