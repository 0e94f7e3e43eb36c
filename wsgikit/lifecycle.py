"""The start of a WSGI response, and what all layers need around bodies.

``on_start`` acts when the headers are known; ``on_close``, in ``closing.py``, when a body is over.
Both keep what PEP 3333 promises to servers and apps: the server's ``write()``, ``exc_info``, late
``start_response`` calls of generator apps, and one ``close()`` for each iterable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NoReturn, TypeVar
from wsgiref.types import StartResponse, WSGIEnvironment

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

    :raises BaseException: the only error, or the first that is no ``Exception``, as it is.
    :raises ExceptionGroup: several errors together.
    """
    errors: list[BaseException] = []
    for callback in callbacks:
        try:
            callback(*args)
        except BaseException as error:
            errors.append(error)
    if errors:
        _raise_together(errors)


def raise_after(error: BaseException, callback: Callable[..., object], *args: Any) -> NoReturn:
    """Call ``callback(*args)``, then raise ``error``; with the callback's, if that raises too.

    Several errors are raised as by :func:`run_all`.
    """
    errors = [error]
    try:
        callback(*args)
    except BaseException as another:
        errors.append(another)
    try:
        _raise_together(errors)
    finally:
        del error, args  # see reraise


def _raise_together(errors: list[BaseException]) -> NoReturn:
    try:
        reraise(_together(errors))
    finally:
        errors.clear()  # see there


def _together(errors: list[BaseException]) -> BaseException:
    if len(errors) == 1:
        return errors[0]
    for error in errors:
        if not isinstance(error, Exception):
            return error  # who waits for a SystemExit or a gevent.Timeout looks into no group
    group = BaseExceptionGroup(_SEVERAL, errors)
    group.__suppress_context__ = True  # it is one of those in the group
    return group


def reraise(error: BaseException) -> NoReturn:
    """Raise ``error`` again, from a frame that does not keep it."""
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


class CountedBody:
    """A body that tells ``count`` the length of each chunk when the server takes it."""

    def __init__(self, body: Iterable[bytes], count: Callable[[int], object]) -> None:
        self._body = body
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            self._count(len(chunk))
            yield chunk

    def close(self) -> None:
        close_body(self._body)


class CountedSequence(CountedBody):
    """The same of a list or tuple, which keeps its length."""

    _body: Sequence[bytes]

    def __len__(self) -> int:
        return len(self._body)


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
