"""The start and the end of a WSGI response, done right once for every layer.

``on_start`` acts when the headers are known, ``on_close`` when the body is over. Both keep what
PEP 3333 promises to servers and apps: the server's ``write()``, ``exc_info``, late
``start_response`` calls of generator apps, one ``close()`` for each iterable, and the identity
of ``wsgi.file_wrapper`` results, without which servers lose ``sendfile``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NoReturn, TypeVar
from wsgiref.types import StartResponse, WSGIEnvironment

from .errors import ClientDisconnected

R = TypeVar("R")
Headers = list[tuple[str, str]]
StartHook = Callable[[str, Headers], object]
CloseCallback = Callable[[BaseException | None], object]
Runner = Callable[..., Any]

_SEVERAL = "several things failed at the end of a request"


def call(function: Callable[..., R], /, *args: Any) -> R:
    """Call ``function`` right here: the runner of layers that have no ``contextvars.Context``."""
    return function(*args)


def on_start(start_response: StartResponse, hook: StartHook, /) -> StartResponse:
    """Return a ``start_response`` that lets ``hook(status, headers)`` edit the header list first.

    :param start_response: the callable that this layer was given.
    :param hook: edits the list it gets. It runs again, on the new list, when an app replaces its
        headers by a second call with ``exc_info``; so it keeps nothing from one call to the next.

    The list is a copy: an app may hand in one list for all of its requests, and a cookie
    added there would reach strangers. Follows PEP 3333, "The start_response() Callable".
    """

    def start(status: str, headers: Headers, exc_info: Any = None, /) -> Callable[[bytes], object]:
        headers = list(headers)
        hook(status, headers)
        if exc_info is None:
            return start_response(status, headers)
        return start_response(status, headers, exc_info)

    return start


def run_all(callbacks: Iterable[Callable[..., object]], *args: Any) -> None:
    """Call every callback with ``args``, also after one has raised; then raise what was raised.

    :raises BaseException: the only error as it is, several as a ``BaseExceptionGroup``.
    """
    errors: list[BaseException] = []
    for callback in callbacks:
        try:
            callback(*args)
        except BaseException as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(_SEVERAL, errors)


def raise_after(error: BaseException, callback: Callable[..., object], *args: Any) -> NoReturn:
    """Call ``callback(*args)``, then raise ``error``; in a group, if the callback raises too."""
    try:
        callback(*args)
    except BaseException as another:
        raise BaseExceptionGroup(_SEVERAL, [error, another]) from None
    try:
        raise error
    finally:
        del error  # or its traceback would keep this frame, and the frame it


def close_body(body: object) -> None:
    """Close an iterable that will not be sent, as whoever drops a body must."""
    close = getattr(body, "close", None)
    if close is not None:
        close()


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether ``body`` came from the server's ``wsgi.file_wrapper`` and may go by sendfile."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def is_complete(body: object) -> bool:
    """Whether ``body`` is a list or tuple, so that nothing of it is still to be made."""
    return type(body) in (list, tuple, _ClosingSequence)


class PrimedBody:
    """A body of which one chunk has been pulled, so that its app has called start_response."""

    __slots__ = ("_body", "_chunks")

    def __init__(self, body: Iterable[bytes], chunks: Iterator[bytes]) -> None:
        self._body = body
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        close_body(self._body)


def prime(body: Iterable[bytes]) -> PrimedBody:
    """Pull the first chunk of ``body`` now and return a body that still yields it first.

    A server sends nothing before the first chunk anyway (PEP 3333, "Buffering and Streaming"),
    so this delays no one; an error in it can still become a proper response.

    :raises BaseException: whatever the first chunk raised; ``body`` is closed then.
    """
    try:
        chunks = iter(body)
        first = list(islice(chunks, 1))
    except BaseException as error:
        raise_after(error, close_body, body)
    return PrimedBody(body, chain(first, chunks))


class _Closing:
    """The end of a body: inner close first, then the callback, once, with the true outcome."""

    __slots__ = (
        "_body",
        "_callback",
        "_chunks",
        "_close",
        "_closed",
        "_ended",
        "_error",
        "_finished",
        "_handled",
        "_run",
    )

    def __init__(self, body: Iterable[bytes], callback: CloseCallback, run: Runner) -> None:
        self._body = body
        self._callback = callback
        self._run = run
        self._close: Callable[[], object] | None = getattr(body, "close", None)
        self._handled = sys.exc_info()[1]
        self._chunks: Iterator[bytes] | None = None
        self._error: BaseException | None = None
        self._finished = False
        self._closed = False
        self._ended = False

    def close(self) -> None:
        """Close the inner body, then tell the callback the outcome. Only the first call acts."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._end, self._outcome())
        finally:
            self._closed = self._ended  # False: another thread is in the Context; to be retried
            if self._ended:  # a server may keep the body: it must not keep the request with it
                self._body, self._chunks, self._close = (), iter(()), None
                self._callback, self._run = type, call

    def __del__(self) -> None:
        if not self._closed:  # the server broke PEP 3333; the request must end all the same
            self.close()
            message = "a response body was dropped without close(), so its request ended late"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)

    def _outcome(self) -> BaseException | None:
        if self._error is not None or self._finished:
            return self._error
        # A server closes in a `finally`, so what it is handling is why the body stopped here.
        active = sys.exc_info()[1]
        if active is self._handled:
            active = None  # it was there before the body was
        if active is not None and not isinstance(active, (OSError, GeneratorExit)):
            return active
        if active is None and self._chunks is None:
            return None  # never sent, as for HEAD, or dropped by a layer that answers otherwise
        gone = ClientDisconnected("the client left before the whole body was sent")
        gone.__cause__ = active
        return gone

    def _end(self, outcome: BaseException | None) -> None:
        self._ended = True
        try:
            if self._close is not None:
                self._close()
        except BaseException as error:
            raise_after(error, self._callback, error if outcome is None else outcome)
        else:
            self._callback(outcome)


class _ClosingStream(_Closing):
    """A body of unknown length; each of its chunks is made by ``run``."""

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        if self._chunks is None:
            self._chunks = self._pull(iter, self._body)
        return self

    def __next__(self) -> bytes:
        try:
            return self._pull(next, self._chunks)  # type: ignore[no-any-return]
        except StopIteration:
            self._finished = True
            raise

    def _pull(self, function: Callable[..., Any], argument: object) -> Any:
        try:
            return self._run(function, argument)
        except StopIteration:
            raise
        except BaseException as error:
            self._error = error
            raise


class _ClosingSequence(_Closing):
    """A list or tuple body. It keeps its length, from which servers derive Content-Length."""

    __slots__ = ()
    _body: Sequence[bytes]

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        self._chunks = iter(self._body)
        yield from self._chunks
        self._finished = True


def on_close(
    body: Iterable[bytes],
    callback: CloseCallback,
    /,
    *,
    environ: WSGIEnvironment | None = None,
    run: Runner = call,
) -> Iterable[bytes]:
    """Return ``body`` with ``callback(outcome)`` called after its ``close``, exactly once.

    :param body: what the inner app returned.
    :param callback: gets the exception of the iteration or of the inner close, a
        :class:`ClientDisconnected` when the server stopped early, or None.
    :param environ: with it, a ``wsgi.file_wrapper`` result is returned as the same object,
        its ``close`` replaced, so that the server still recognises it and uses sendfile.
    :param run: calls whatever belongs to the request, such as ``contextvars.Context.run``.

    Follows PEP 3333, "Handling the close() method" and "Optional Platform-Specific File Handling".
    """
    if environ is not None and is_file(body, environ):
        file_end = _ClosingStream(body, callback, run)
        try:
            body.close = file_end.close  # type: ignore[attr-defined]
        except AttributeError:  # a file wrapper in C: its sendfile is lost, its close is not
            return file_end
        return body
    if is_complete(body):
        return _ClosingSequence(body, callback, run)
    return _ClosingStream(body, callback, run)
