"""The server's ``start_response``, as everything inside the context layer gets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from wsgiref.types import StartResponse

from werkzeug.datastructures import Headers

from .lifecycle import Headers as HeaderList
from .request_context import RequestContext
from .vary import add_vary, keep_cookie_private


class ServerStart:
    """Lets ``on_commit`` listeners change the headers, and notes a client that left.

    PEP 3333's ``write()`` is the one place where the server's error comes up through the app: the
    context remembers it, so that nobody takes it for a fault of the app.
    """

    __slots__ = ("_context", "_start_response", "_write")

    def __init__(self, context: RequestContext, start_response: StartResponse) -> None:
        self._context = context
        self._start_response = start_response

    def __call__(
        self, status: str, headers: HeaderList, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if self._context.owed_headers and not self._context.owes_nothing_now:
            headers = self._with_owed(headers)
        self._context.owes_nothing_now = False
        if self._context.app.on_commit_funcs:
            headers = self._committed(status, headers, exc_info)
        if exc_info is None:
            self._write = self._start_response(status, headers)
        else:
            self._write = self._start_response(status, headers, exc_info)
        return self.write

    def _with_owed(self, headers: HeaderList) -> HeaderList:
        owed = [header for each in self._context.owed_headers.values() for header in each]
        headers = [*headers, *owed]
        if owed:
            keep_cookie_private(headers)
            add_vary(headers, "Cookie")
        return headers

    def write(self, data: bytes) -> object:
        """PEP 3333, "The write() Callable"."""
        self._context.has_written = True
        try:
            return self._write(data)
        except OSError as error:
            self._context.disconnection = error
            raise

    def _committed(self, status: str, headers: HeaderList, exc_info: Any) -> HeaderList:
        context = self._context
        changed = Headers(headers)
        for function in context.app.on_commit_funcs:
            try:
                function(context.environ, status, changed)
            except Exception:
                if exc_info is None:
                    raise
                context.app.logger.exception("An on_commit listener failed for an error's response")
        return changed.to_wsgi_list()
