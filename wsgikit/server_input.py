"""The server's ``wsgi.input``, as everything inside the context layer gets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .request_context import RequestContext


class ServerInput:
    """Notes a client that left while its body was read, so that nobody takes that for a fault.

    The error itself goes on unchanged. Follows PEP 3333, "Input and Error Streams".
    """

    __slots__ = ("_context", "_source")

    def __init__(self, context: RequestContext, source: Any) -> None:
        self._context = context
        self._source = source

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._source, name)
        return partial(self._call, attribute) if callable(attribute) else attribute

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _call(self, method: Callable[..., Any], *args: Any) -> Any:
        try:
            return method(*args)
        except OSError as error:
            self._context.disconnection = error
            raise
