"""The server's ``wsgi.input``, as everything inside the context layer gets it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from werkzeug.exceptions import BadRequest

from .request_context import RequestContext


class ServerInput:
    """Notes a client that left while its body was read, so that nobody takes that for a fault.

    The error itself goes on unchanged. What the client has sent amiss, such as a chunk whose size
    is no number, is a ``BadRequest``. Follows PEP 3333, "Input and Error Streams".
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
        except Exception as error:
            if not _is_malformed(error):
                raise
            raise BadRequest("The body of the request is malformed.") from error


def _is_malformed(error: Exception) -> bool:
    """Whether gunicorn, if that is the server, could not read what the client has sent."""
    errors = sys.modules.get("gunicorn.http.errors")
    return errors is not None and isinstance(error, errors.ParseException)
