"""A start of the response that waits until the after_request hooks have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse

from . import signals
from .contexts import RequestContext
from .lifecycle import Headers, close_body, prime
from .responses import make_response
from .wrappers import Response


class DeferredStart:
    """Keeps the start of a response back until the after_request hooks have seen it."""

    __slots__ = (
        "_context",
        "_headers",
        "_start_response",
        "_status",
        "_write",
        "handling_error",
        "sent",
    )

    def __init__(self, context: RequestContext, start_response: StartResponse) -> None:
        self._context = context
        self._start_response = start_response
        self._status: str | None = None
        self._headers: Headers = []
        self._write: Callable[[bytes], object] | None = None
        self.handling_error = False
        self.sent = False

    def start(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        """The ``start_response`` of the app inside."""
        if self.sent:
            return self._start_response(status, headers, exc_info)
        if self._status is not None and exc_info is None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        return self.restart(status, headers)

    def restart(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        """The ``start_response`` of an error's response, which replaces a start kept back."""
        self._status, self._headers = status, list(headers)
        return self.write

    def write(self, data: bytes) -> object:
        """PEP 3333's ``write``: hooks see status and headers, the body goes out as it comes."""
        if self._write is None:
            response = self._run_hooks(())
            self._write = self._send(response.status, response.headers.to_wsgi_list())
        return self._write(data)

    def finish(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Run the hooks, start the response and return its body."""
        if self._status is None:
            body = prime(body)  # a generator app: it starts the response with its first chunk
        if self.sent:
            return body
        try:
            return self._finish(body)
        except BaseException:
            close_body(body)
            raise

    def _finish(self, body: Iterable[bytes]) -> Iterable[bytes]:
        if self._status is None:
            raise RuntimeError("the app returned without calling start_response (PEP 3333)")
        if not self._has_hooks():
            self._send(self._status, self._headers)
            return body
        response = self._run_hooks(body)
        replaced = response.response is not body
        if not replaced and response.status == self._status:
            self._send(response.status, response.headers.to_wsgi_list())
            return body
        close = getattr(body, "close", None)
        if replaced and close is not None and close not in response._on_close:
            response.call_on_close(close)
        return response(self._context.environ, self._send)  # type: ignore[no-any-return]

    def _send(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        self.sent = True
        return self._start_response(status, headers)

    def _has_hooks(self) -> bool:
        return bool(self._hooks() or signals.request_finished.receivers)

    def _hooks(self) -> list[Callable[[Any], Any]]:
        scaffolds = self._context.scaffolds
        functions = [function for each in scaffolds for function in each.after_request_funcs]
        return [*self._context.after_functions, *functions[::-1]]

    def _run_hooks(self, body: Iterable[bytes]) -> Any:
        app, environ = self._context.app, self._context.environ
        response: Any = Response.from_wsgi(environ, body, self._status or "", self._headers)
        for function in self._hooks():
            try:
                result = function(response)
                response = response if result is None else make_response(result)
            except Exception:
                if not self.handling_error:
                    raise
                app.logger.exception("An after_request hook failed for an error's response")
        signals.send(signals.request_finished, app, response=response)
        return response
