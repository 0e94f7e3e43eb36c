"""The end of a WSGI response, done right once for every layer.

Keeps the identity of ``wsgi.file_wrapper`` results, without which servers lose ``sendfile``, and
the length of lists, from which they derive Content-Length.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn
from wsgiref.types import WSGIEnvironment

from .errors import ClientDisconnected
from .lifecycle import (
    CloseCallback,
    CountedBody,
    CountedSequence,
    PrimedBody,
    Runner,
    call,
    is_file,
    prime,
    raise_after,
    reraise,
)


class BodyEnd:
    """What is told of the end of a body; here, nothing."""

    def sent(self) -> None:
        """The server has taken the whole response; the inner body is about to be closed."""

    def failed(self, error: BaseException) -> BaseException:
        """An error is about to reach the server. Return what to raise instead."""
        return error

    def closed(self, outcome: BaseException | None) -> None:
        """The inner body has been closed."""

    def over(self) -> None:
        """The close has succeeded, or its error is on its way."""

    def abandoned(self) -> Callable[[], object]:
        """The server has dropped the body without closing it. Call the result after the end."""
        return _nothing


def _nothing() -> None:
    """The close of a body that has none."""


class _Callback(BodyEnd):
    """A function that is told of the end itself alone."""

    def __init__(self, callback: CloseCallback) -> None:
        self._callback = callback

    def closed(self, outcome: BaseException | None) -> None:
        self._callback(outcome)


_OVER = BodyEnd()
_NO_CHUNKS: Iterator[bytes] = iter(())


class _Closing:
    """The end of a body: inner close first, then the callback, once, with the true outcome."""

    _chunks: Iterator[bytes] | None = None
    _error: BaseException | None = None
    _finished = False
    _closed = False
    _ended = False

    def __init__(self, body: Iterable[bytes], end: BodyEnd, run: Runner) -> None:
        self._body = body
        self._end = end
        self._run = run
        self._close: Callable[[], object] = getattr(body, "close", _nothing)
        self._handled = sys.exception()

    def close(self) -> None:
        """Close the inner body, then tell the end the outcome. Only the first call acts."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._close_all, self._outcome())
        except BaseException as error:
            if not self._ended:  # another thread is in the Context; to be retried
                raise
            reraise(self._first(self._end.failed(error)))
        finally:
            self._closed = self._ended
            if self._ended:
                self._let_go()

    def _first(self, error: BaseException) -> BaseException:
        """What the server is to see: an exit under way comes before any error of the end."""
        if self._error is None or isinstance(self._error, Exception):
            return error
        return self._error

    def _let_go(self) -> None:
        """Or a server that keeps the body would keep the request with it."""
        self._end.over()
        self._body, self._chunks, self._close = (), _NO_CHUNKS, _nothing
        self._end, self._run = _OVER, call
        self._error = None  # its traceback leads back to here

    def __del__(self) -> None:
        if not self._closed:  # the server broke PEP 3333; the request must end all the same
            warn = self._end.abandoned()
            try:
                self.close()
            finally:
                warn()

    def _outcome(self) -> BaseException | None:
        if self._error is not None or self._finished:
            return self._error
        # A server closes in a `finally`, so what it is handling is why the body stopped here.
        active = sys.exception()
        if active is self._handled:
            active = None  # it was there before the body was
        if active is not None and not isinstance(active, (OSError, GeneratorExit)):
            return active
        if active is None and self._chunks is None:
            return None  # never sent, as for HEAD, or dropped by a layer that answers otherwise
        gone = ClientDisconnected("the client left before the whole body was sent")
        gone.__cause__ = active
        return gone

    def _close_all(self, outcome: BaseException | None) -> None:
        self._ended = True
        try:
            if outcome is None:
                self._tell_sent()
            self._close()
        except BaseException as error:
            raise_after(error, self._end.closed, error if outcome is None else outcome)
        self._end.closed(outcome)

    def _tell_sent(self) -> None:
        try:
            self._end.sent()
        except BaseException as error:
            raise_after(error, self._close)


class _ClosingStream(_Closing):
    """A body of unknown length; each of its chunks is made by ``run``."""

    def __iter__(self) -> Iterator[bytes]:
        if self._chunks is None:
            try:
                self._chunks = self._run(iter, self._body)
            except BaseException as error:
                self._fail(error)
        return self

    def __next__(self) -> bytes:
        try:
            return self._run(next, self._chunks)  # type: ignore[no-any-return]
        except StopIteration:
            self._finished = True
            raise
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> NoReturn:
        self._error = error
        try:
            reraise(self._run(self._end.failed, error))
        finally:
            del error  # see reraise


class _ClosingSequence(_Closing):
    """A list or tuple body. It keeps its length, from which servers derive Content-Length."""

    _body: Sequence[bytes]

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        self._chunks = iter(self._body)
        yield from self._chunks
        self._finished = True


class EndedBody(list[bytes]):
    """A complete body whose end has come before it is sent."""

    __slots__ = ()

    def close(self) -> None:
        """Nothing is left to do."""


_COMPLETE = frozenset({list, tuple, EndedBody, _ClosingSequence})
"""The types of bodies of which nothing is still to be made."""


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

    A body that the server drops without closing it is closed when it is collected. Follows PEP
    3333, "Handling the close() method" and "Optional Platform-Specific File Handling".
    """
    return close_with(_Callback(callback), body, environ, run)


def close_with(
    end: BodyEnd,
    body: Iterable[bytes],
    environ: WSGIEnvironment | None,
    run: Runner,
    count: Callable[[int], object] | None = None,
) -> Iterable[bytes]:
    """Do as :func:`on_close` does, and tell ``end`` more than that.

    :param count: is told the length of each chunk; of a file, which may go by sendfile, nothing.
    """
    if type(body) in _COMPLETE:
        return _ClosingSequence(CountedSequence(body, count) if count else body, end, run)
    if environ is not None and is_file(body, environ):
        file_end = _ClosingStream(body, end, run)
        try:
            body.close = file_end.close  # type: ignore[attr-defined]
        except AttributeError:  # a file wrapper in C: its sendfile is lost, its close is not
            return file_end
        return body
    return _ClosingStream(CountedBody(body, count) if count else body, end, run)


def prime_stream(body: Iterable[bytes], environ: WSGIEnvironment) -> Iterable[bytes]:
    """Pull the first chunk of a stream, unless it has been; leave lists and files as they are."""
    if type(body) in _COMPLETE or type(body) is PrimedBody or is_file(body, environ):
        return body
    return prime(body)
