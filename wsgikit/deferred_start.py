"""A start of the response that waits until the after_request hooks have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse

from . import signals
from .closing import on_close, prime_stream
from .lifecycle import Headers, close_body, raise_after
from .request_context import RequestContext
from .responses import make_response


class DeferredStart:
    """Keeps the start of a response back until the after_request hooks have seen it."""

    __slots__ = (
        "_context",
        "_end_of_written",
        "_headers",
        "_seen_status",
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
        self._seen_status: str | None = None  # as the hooks saw it: werkzeug adds a reason
        self._headers: Headers = []
        self._write: Callable[[bytes], object] | None = None
        self._end_of_written: Callable[[], object] = list
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
            with self._context:  # again: an app that is a chain itself writes inside its own
                response = self._run_hooks(self._hooks(), ())
            self._end_of_written = response.close
            self._write = self._send(response.status, response.headers.to_wsgi_list())
        return self._write(data)

    def end_written(self, outcome: BaseException | None = None) -> None:
        """Close the response that the hooks saw before the first ``write``."""
        self._end_of_written()

    def finish(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Run the hooks, start the response and return its body."""
        if not self.sent:
            # A generator app starts the response with its first chunk. The first chunk of any
            # stream may raise or use the session, and the headers can still tell.
            body = prime_stream(body, self._context.environ)
        if self.sent:
            return on_close(body, self.end_written)
        to_close: Any = body
        try:
            if self._status is None:
                raise RuntimeError("the app returned without calling start_response (PEP 3333)")
            hooks = self._hooks()
            if hooks or signals.request_finished.receivers:
                to_close = None  # the hooks end what they fail to answer
                to_close = response = self._run_hooks(hooks, body)
                if not self._is_unchanged(response, body):
                    environ = self._context.environ_for_response
                    return response(environ, self._send)  # type: ignore[no-any-return]
                self._headers = response.headers.to_wsgi_list()
            self._send(self._status, self._headers)
        except BaseException as error:
            raise_after(error, close_body, to_close)
        return body

    def _is_unchanged(self, response: Any, body: Iterable[bytes]) -> bool:
        same = response.response is body and response.status == self._seen_status
        return same and not response._on_close

    def _send(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        self.sent = True
        return self._start_response(status, headers)

    def _hooks(self) -> list[Callable[[Any], Any]]:
        scaffolds = self._context.scaffolds
        functions = [function for each in scaffolds for function in each.after_request_funcs]
        return [*self._context.after_functions, *functions[::-1]]

    def _run_hooks(self, hooks: list[Callable[[Any], Any]], body: Iterable[bytes]) -> Any:
        app, environ = self._context.app, self._context.environ
        response = app.response_class.from_wsgi(environ, body, self._status or "", self._headers)
        self._seen_status = response.status
        responses: list[Any] = [response]
        try:
            for function in hooks:
                self._run_hook(function, responses)
            signals.send(signals.request_finished, app, response=responses[-1])
        except BaseException as error:
            _adopt(responses, body)
            raise_after(error, responses[-1].close)
        _adopt(responses, body)
        return responses[-1]

    def _run_hook(self, function: Callable[[Any], Any], responses: list[Any]) -> None:
        try:
            result = function(responses[-1])
            if result is not None and result is not responses[-1]:
                responses.append(make_response(result))
        except Exception:
            if not self.handling_error:
                raise
            logger = self._context.app.logger
            logger.exception("An after_request hook failed for an error's response")


def _adopt(responses: list[Any], body: Iterable[bytes]) -> None:
    """Let the last response close what it has replaced: former responses, and the app's body."""
    *dropped, last = responses
    for response in dropped:
        if response.response is last.response:
            last._on_close.extend(response._on_close)
        else:
            last.call_on_close(response.close)
    close = getattr(body, "close", None)
    callbacks = [callback for response in responses for callback in response._on_close]
    is_kept = any(response.response is body for response in responses)
    if close is not None and not is_kept and close not in callbacks:
        last.call_on_close(close)
