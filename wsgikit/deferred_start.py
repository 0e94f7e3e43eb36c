"""A start of the response that waits until the after_request hooks have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from wsgiref.types import StartResponse

from . import signals
from .closing import on_close, prime_stream
from .lifecycle import Headers, close_body, raise_after, run_all
from .request_context import RequestContext
from .responses import make_response

_FAILED = "An after_request hook, or a receiver of request_finished, failed for an error's response"


class _Written:
    """A body that the app sends by ``write``: no one else can read it, or know its length."""

    def __iter__(self) -> Iterator[bytes]:
        raise RuntimeError("the app sends this body by write(): it cannot be read here")


class DeferredStart:
    """Keeps the start of a response back until the after_request hooks have seen it."""

    handling_error = False
    _seen_status: str | None = None  # as the hooks saw it: werkzeug adds a reason
    _headers: Headers
    _write: Callable[[bytes], object] | None = None
    _ends: Sequence[Callable[[], object]] = ()

    def __init__(self, context: RequestContext, start_response: StartResponse) -> None:
        self._context = context
        self._start_response = start_response
        self._status: str | None = None
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
                response = self._run_hooks(self._hooks(), _Written())
            self._ends = [response.close, *self._ends]
            self._write = self._send(response.status, response.headers.to_wsgi_list())
        return self._write(data)

    def end(self, outcome: BaseException | None = None) -> None:
        """Close, once, the response that the app has written, and what the hooks have replaced."""
        ends, self._ends = self._ends, ()
        run_all(ends)

    def finish_error(self, response: Any) -> Iterable[bytes]:
        """Send an error's response. What a hook raises for it is logged, and costs no answer."""
        self.handling_error = True
        return self.finish(response(self._context.environ_for_response, self.restart))

    def finish(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Run the hooks, start the response and return its body."""
        if not self.sent:
            # A generator app starts the response with its first chunk. The first chunk of any
            # stream may raise or use the session, and the headers can still tell.
            body = prime_stream(body, self._context.environ)
        if self.sent:
            return on_close(body, self.end)
        to_close: Any = body
        try:
            if self._status is None:
                raise RuntimeError("the app returned without calling start_response (PEP 3333)")
            hooks = self._hooks()
            if hooks or signals.request_finished.receivers:
                to_close = None  # the hooks end what they fail to answer
                to_close = body = self._answer(hooks, body)
            self._send(self._status, self._headers)
        except BaseException as error:
            raise_after(error, close_body, to_close)
        return body

    def _answer(self, hooks: list[Callable[[Any], Any]], body: Iterable[bytes]) -> Iterable[bytes]:
        """Run the hooks and return the body to send; its status and headers are kept back."""
        environ = self._context.environ_for_response
        response = self._run_hooks(hooks, body)
        if self._is_unchanged(response, body):
            self._headers = response.headers.to_wsgi_list()
        else:
            try:
                body = response(environ, self.restart)
            except BaseException as error:
                self._ends = [response.close, *self._ends]
                raise_after(error, self.end)
        return on_close(body, self.end, environ=environ) if self._ends else body

    def _is_unchanged(self, response: Any, body: Iterable[bytes]) -> bool:
        same = response.response is body and response.status == self._seen_status
        return same and not response._on_close

    def _send(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any:
        self.sent = True
        return self._start_response(status, headers)

    def _hooks(self) -> list[Callable[[Any], Any]]:
        context, app = self._context, self._context.app
        functions = app.after_request_funcs
        if app.blueprints:
            functions = [f for each in context.scaffolds for f in each.after_request_funcs]
        return [*context.after_functions, *functions[::-1]]

    def _run_hooks(self, hooks: list[Callable[[Any], Any]], body: Iterable[bytes]) -> Any:
        app, environ = self._context.app, self._context.environ
        response = app.response_class.from_wsgi(environ, body, self._status or "", self._headers)
        response.direct_passthrough |= isinstance(body, _Written)  # get_data() refuses
        self._seen_status = response.status
        responses: list[Any] = [response]
        try:
            for function in hooks:
                self._guard(_run_hook, function, responses)
            self._guard(signals.send, signals.request_finished, app, response=responses[-1])
        except BaseException as error:
            self._ends = [responses[-1].close, *_ends_of_dropped(responses, body)]
            raise_after(error, self.end)
        self._ends = _ends_of_dropped(responses, body)
        return responses[-1]

    def _guard(self, function: Callable[..., object], *args: Any, **data: Any) -> None:
        """Call ``function``; what it raises does not cost the client an error's response."""
        try:
            function(*args, **data)
        except Exception:
            if not self.handling_error:
                raise
            self._context.app.logger.exception(_FAILED)


def _run_hook(function: Callable[[Any], Any], responses: list[Any]) -> None:
    result = function(responses[-1])
    if result is not None:
        response = make_response(result)
        responses[:] = [each for each in responses if each is not response]
        responses.append(response)


def _ends_of_dropped(responses: list[Any], body: Iterable[bytes]) -> list[Callable[[], object]]:
    """What closes all that the last response has replaced: former responses, the app's body.

    It is no business of the last response: the app may answer with that one again and again.
    """
    *dropped, last = responses
    ends: list[Callable[[], object]] = []
    bodies = [last.response]
    for response in dropped:
        if _is_in(response.response, bodies):
            ends.extend(response._on_close)
        else:
            ends.append(response.close)
            bodies.append(response.response)
    close = getattr(body, "close", None)
    callbacks = [callback for response in responses for callback in response._on_close]
    if close is not None and not _is_in(body, bodies) and close not in callbacks:
        ends.append(close)
    return ends


def _is_in(body: object, bodies: list[Any]) -> bool:
    return any(each is body for each in bodies)
