"""The end of a WSGI response, done right once for every layer.

Keeps the identity of ``wsgi.file_wrapper`` results, without which servers lose ``sendfile``, and
the length of lists, from which they derive Content-Length.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from wsgiref.types import WSGIEnvironment

from .errors import ClientDisconnected
from .lifecycle import (
    CloseCallback,
    PrimedBody,
    Runner,
    call,
    is_file,
    prime,
    raise_after,
    reraise,
    run_all,
)


def _nothing() -> None:
    """What nobody asked to be told of."""


def _as_it_is(error: BaseException) -> BaseException:
    return error


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
        "_failed",
        "_finished",
        "_handled",
        "_run",
        "_sent",
    )

    def __init__(
        self,
        body: Iterable[bytes],
        callback: CloseCallback,
        run: Runner,
        sent: Callable[[], object],
        failed: Callable[[BaseException], BaseException],
    ) -> None:
        self._body = body
        self._callback = callback
        self._run = run
        self._sent = sent
        self._failed = failed
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
        except BaseException as error:
            reraise(self._failed(error))
        finally:
            self._closed = self._ended  # False: another thread is in the Context; to be retried
            self._let_go()

    def _let_go(self) -> None:
        if self._ended:  # a server may keep the body: it must not keep the request with it
            self._body, self._chunks, self._close = (), iter(()), None
            self._callback, self._run, self._sent = type, call, _nothing
            self._failed = _as_it_is

    def __del__(self) -> None:
        if not self._closed:  # the server broke PEP 3333; the request must end all the same
            message = f"{self._callback!r}: its body was dropped without close(), so it ended late"
            try:
                self.close()
            finally:
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
        sent = self._sent if outcome is None else _nothing
        try:
            run_all((sent, self._close or _nothing))
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
            reraise(self._run(self._failed, error))


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
    sent: Callable[[], object] = _nothing,
    failed: Callable[[BaseException], BaseException] = _as_it_is,
) -> Iterable[bytes]:
    """Return ``body`` with ``callback(outcome)`` called after its ``close``, exactly once.

    :param body: what the inner app returned.
    :param callback: gets the exception of the iteration or of the inner close, a
        :class:`ClientDisconnected` when the server stopped early, or None.
    :param environ: with it, a ``wsgi.file_wrapper`` result is returned as the same object,
        its ``close`` replaced, so that the server still recognises it and uses sendfile.
    :param run: calls whatever belongs to the request, such as ``contextvars.Context.run``.
    :param sent: called ahead of the inner close, when the server has taken the whole response.
    :param failed: gets an error of the iteration or of the end, and returns what to raise.

    A body that is dropped without close() is closed when it is collected, with a
    ``ResourceWarning`` that shows the callback's repr.

    Follows PEP 3333, "Handling the close() method" and "Optional Platform-Specific File Handling".
    """
    if environ is not None and is_file(body, environ):
        file_end = _ClosingStream(body, callback, run, sent, failed)
        try:
            body.close = file_end.close  # type: ignore[attr-defined]
        except AttributeError:  # a file wrapper in C: its sendfile is lost, its close is not
            return file_end
        return body
    if is_complete(body):
        return _ClosingSequence(body, callback, run, sent, failed)
    return _ClosingStream(body, callback, run, sent, failed)


def prime_stream(body: Iterable[bytes], environ: WSGIEnvironment) -> Iterable[bytes]:
    """Pull the first chunk of a stream, unless it has been; leave lists and files as they are."""
    if is_complete(body) or is_file(body, environ) or isinstance(body, PrimedBody):
        return body
    return prime(body)


def is_complete(body: object) -> bool:
    """Whether ``body`` is a list or tuple, so that nothing of it is still to be made."""
    return type(body) in (list, tuple, _ClosingSequence)
