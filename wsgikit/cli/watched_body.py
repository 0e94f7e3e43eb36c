"""What a layer leaves with the server, each call of which is counted for that layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..lifecycle import close_body

if TYPE_CHECKING:
    from .trace import Step, Trace


class Watched:
    """A function of a layer's."""

    def __init__(self, trace: Trace, step: Step, function: Callable[..., Any]) -> None:
        self._trace = trace
        self._step = step
        self._function = function

    def __call__(self, *args: Any) -> Any:
        self._trace.enter(self._step)
        return self._trace.run(self._step, self._function, *args)


class WatchedBody:
    """A stream, each chunk of which is counted for the layer that makes it."""

    def __init__(self, trace: Trace, step: Step, body: Iterable[bytes]) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._next = Watched(trace, step, self._pull)
        self.close = Watched(trace, step, lambda: close_body(body))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._next()  # type: ignore[no-any-return]

    def _pull(self) -> bytes:
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks)
