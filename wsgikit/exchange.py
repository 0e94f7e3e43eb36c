"""A request and its response as a layer outside sees them, from the first byte to the last."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .closing import BodyEnd, close_with
from .environ import CLIENT_LEFT, CONTEXT, RULE
from .errors import ClientDisconnected
from .lifecycle import Headers, call, is_file, raise_after

_BODILESS = (204, 304)
under_way: set[Exchange] = set()
"""Those of this process that are not over. Its end cuts them."""


class Exchange(BodyEnd):
    """What is known when all is over. Times are in seconds since the request reached the layer."""

    status: int | None = None
    """What the client was answered: 500, by the server, where an error came before any byte; None
    where the client left before any answer."""
    rule: str | None = None
    """The rule that the ``App`` inside found for the request, such as ``/users/<int:id>``."""
    started: float | None = None
    """When the status and the headers were known."""
    first_byte: float | None = None
    """When the first part of the response was there to be sent."""
    seconds: float
    """When the body had been closed."""
    size: int | None = 0
    """How many bytes of the body the server has taken; None where it alone knows: of a file that
    may have gone by sendfile, and was cut."""
    aborted: Literal["client", "error", "stop"] | None = None
    """Why the response was cut: the client left, also while its request was read; an error came
    after the first byte; or the server's process ended."""

    _headers: Headers = []  # noqa: RUF012 - replaced, never changed
    _write: Callable[[bytes], object]
    _is_complete = False
    _client_left = False
    _goes_by_sendfile = False

    def __init__(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        report: Callable[[Exchange], object],
    ) -> None:
        self.environ = environ
        self._method = environ.get("REQUEST_METHOD")
        self._server_start = start_response
        self._report = report
        self._begun = perf_counter()
        under_way.add(self)

    def _now(self) -> float:
        return perf_counter() - self._begun

    def start_response(
        self, status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """What the app gets. Here the context inside still knows the rule."""
        if exc_info is None:
            self._write = self._server_start(status, headers)
        else:
            self._write = self._server_start(status, headers, exc_info)
        self.status, self._headers = int(status[:3]), headers
        self.rule = _rule(self.environ)
        self.started = self._now()
        return self.write

    def write(self, data: bytes) -> object:
        """PEP 3333, "The write() Callable"."""
        self.take(len(data))
        try:
            return self._write(data)
        except OSError:
            self._client_left = True
            raise

    def take(self, size: int) -> None:
        """Count bytes that are handed to the server."""
        if self.first_byte is None:
            self.first_byte = self._now()
        self.size = (self.size or 0) + size

    def watch(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The body to return in place of ``body``."""
        if is_file(body, self.environ):
            self._watch_file(body)
        return close_with(self, body, self.environ, call, self.take)

    def _watch_file(self, body: Any) -> None:
        size = _file_size(body)
        if size is None and _count_reads(body, self.take):
            return
        self._goes_by_sendfile = True
        self.first_byte = self._now()
        self.size = size

    def sent(self) -> None:
        """The server has taken all of it, so an error that comes now has cut nothing."""
        self._is_complete = True

    def closed(self, outcome: BaseException | None) -> None:
        """Report what has been seen."""
        if outcome is not None or self.status is None or self.status >= 400:
            self._hear_of_failure(outcome)
        if self._client_left:
            self.aborted = "client"
        self._end()

    def cut(self) -> None:
        """Report it as it is: the process ends now."""
        self.rule = self.rule or _rule(self.environ)
        if self.first_byte is None:
            self.status = None
        self.aborted = "stop"
        self._end()

    def _end(self) -> None:
        try:
            under_way.remove(self)
        except KeyError:
            return  # it was cut, and its thread has gone on for a moment
        self.seconds = self._now()
        if self.first_byte is None:
            self.first_byte = self.seconds
        self.size = self._size_sent()
        self._report(self)

    def _hear_of_failure(self, outcome: BaseException | None) -> None:
        self.rule = self.rule or self.environ.get(RULE)
        is_cut = outcome is not None and not self._is_complete
        if isinstance(outcome, ClientDisconnected) or self.environ.get(CLIENT_LEFT):
            self._client_left = True
        if is_cut and self.first_byte is None:
            self.status = None if self._client_left else 500
        elif is_cut:
            self.aborted = "error"

    def _size_sent(self) -> int | None:
        if self._method == "HEAD" or self.status in _BODILESS:
            return 0
        if self._goes_by_sendfile and self.aborted:
            return None
        declared = [v for name, v in self._headers if name.lower() == "content-length"]
        if not declared or not declared[0].isdecimal():
            return self.size
        limit = int(declared[0])  # servers send no byte more
        return limit if self.size is None else min(self.size, limit)


def observe(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
    report: Callable[[Exchange], object],
) -> Iterable[bytes]:
    """Call ``app``, and ``report`` once when the response is over, whatever has become of it.

    Bodies are sent as they are: chunks are neither copied nor merged, files may go by sendfile.
    """
    exchange = Exchange(environ, start_response, report)
    try:
        body = app(environ, exchange.start_response)
    except BaseException as error:
        raise_after(error, exchange.closed, error)
    return exchange.watch(body)


def cut_all() -> None:
    """Report what is under way in this process, whose end is the end of that too."""
    for exchange in [*under_way]:
        exchange.cut()


def _rule(environ: WSGIEnvironment) -> str | None:
    context = environ.get(CONTEXT)
    return context and context.rule  # found by now, or none of an App's


def _file_size(body: Any) -> int | None:
    """What is left of a file, as servers count it that send files by sendfile."""
    try:
        number = body.filelike.fileno()
        return os.fstat(number).st_size - os.lseek(number, 0, os.SEEK_CUR)
    except (AttributeError, OSError, ValueError):  # no file of the system's, or a closed one
        return None


class _CountedFile:
    """A file whose reads are counted. Without a descriptor no server sends it in another way."""

    def __init__(self, file: Any, count: Callable[[int], object]) -> None:
        self._file = file
        self._count = count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, *args: Any) -> Any:
        data = self._file.read(*args)
        self._count(len(data))
        return data


def _count_reads(body: Any, count: Callable[[int], object]) -> bool:
    """Whether that could be done: a file wrapper in C may keep its file to itself."""
    try:
        body.filelike = _CountedFile(body.filelike, count)
    except AttributeError:
        return False
    return True
