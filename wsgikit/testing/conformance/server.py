"""A server in this process: strict as PEP 3333 is, and with a grip on every step."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any
from wsgiref.types import WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper as _FileWrapper
from wsgiref.util import is_hop_by_hop

from .clean_context import clean_context

Headers = list[tuple[str, str]]

MARKER = "HTTP_X_MARKER"
"""The request header with which each request is told from all others."""


class ProtocolError(AssertionError):
    """What the server raises when PEP 3333 is broken, whether by the app or by a middleware."""


class FileWrapper(_FileWrapper):
    """This server's ``wsgi.file_wrapper``, of which it would send the file by ``sendfile``."""


def make_environ(marker: str, values: Mapping[str, Any] | None = None, /) -> WSGIEnvironment:
    """The environ of a GET request, with ``values`` over it."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        MARKER: marker,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        **(values or {}),
    }


class Exchange:
    """One request and its response, served step by step or in one go."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self.app = app
        self.environ = environ
        self.marker: str = environ[MARKER]
        self.input: IO[bytes] = environ["wsgi.input"]
        self.is_head = environ["REQUEST_METHOD"] == "HEAD"
        self.status: str | None = None
        self.headers: Headers = []
        self.body: Any = None
        self.count: int | None = None
        """How many chunks the body has, if it tells by its len()."""
        self.chunks: list[bytes] = []
        self.length = 0
        self.error: BaseException | None = None
        """What reached the server."""
        self.faults: list[str] = []
        """What no app of the battery does, so that the middleware must have done it."""
        self.refusal: Exception | None = None
        """What the first start_response raises, as for a header that the server refuses."""
        self.leaves_at: int | None = None
        """The number of the chunk for which the client is gone."""
        self._iterator: Iterator[bytes] | None = None
        self._closed = False

    @property
    def outcome(self) -> str:
        """What the server's log has of this request."""
        return repr(self.error) if self.error is not None else f"a response {self.status!r}"

    def start_response(
        self, status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        if exc_info is not None and self.length:
            raise exc_info[1]
        if exc_info is None and self.status is not None:
            raise ProtocolError("start_response was called twice without exc_info")
        self._check_start(status, headers)
        self.status, self.headers = status, list(headers)
        return self.write

    def _check_start(self, status: str, headers: Headers) -> None:
        if type(status) is not str or not status[:3].isdecimal() or status[3:4] != " ":
            self._fault(f"gave the server the status {status!r}")
        if type(headers) is not list:
            self._fault(f"gave the server a {type(headers).__name__} as headers, not a list")
        for header in headers:
            if type(header) is not tuple or [type(part) for part in header] != [str, str]:
                self._fault(f"gave the server the header {header!r}")
            if is_hop_by_hop(header[0]):
                self._fault(f"sent the hop-by-hop header {header[0]!r}")

    def _fault(self, text: str) -> None:
        self.faults.append(text)
        raise ProtocolError(text)

    def write(self, data: bytes) -> None:
        """Send a chunk, and before the first one the headers."""
        if type(data) is not bytes:
            self._fault(f"gave the server a chunk of the type {type(data).__name__}")
        if self.status is None:
            raise ProtocolError("a chunk came before start_response was called")
        if self.leaves_at is not None and len(self.chunks) >= self.leaves_at:
            raise BrokenPipeError("the client is gone")
        self.chunks.append(data)
        self.length += len(data)

    def open(self) -> None:
        """Call the app."""
        self.body = self.app(self.environ, self.start_response)
        if isinstance(self.body, (str, bytes)) or not hasattr(self.body, "__iter__"):
            self._fault(f"returned {self.body!r}, not an iterable of bytes")
        if hasattr(self.body, "__len__"):
            self.count = len(self.body)

    def pull(self) -> bool:
        """Send the body's next chunk; say whether there was one."""
        if self._iterator is None:
            self._iterator = iter(self.body)
        for chunk in self._iterator:
            self.write(chunk)
            return True
        return False

    def finish(self) -> None:
        """Send the rest of the body, and check the whole of the response."""
        while self.pull():
            pass
        if self.status is None:
            raise ProtocolError("start_response was never called")
        if self.is_head or self.status.startswith(("1", "204", "304")):
            if self.length:
                self._fault(f"sent {self.length} bytes where {self.status} has no body")
            return
        for name, value in self.headers:
            if name.lower() == "content-length" and value != str(self.length):
                self._fault(f"sent {self.length} bytes with Content-Length: {value}")

    def close(self) -> None:
        """Close the body, as a server does however the request ends."""
        self._closed = True
        close = getattr(self.body, "close", None)
        if close is not None:
            close()

    def close_if_open(self) -> None:
        """Close a body that has not been."""
        if not self._closed:
            self.close()

    def drop(self) -> None:
        """Let go of the body without closing it, as a server must not do."""
        self.body = self._iterator = None

    def serve(self) -> None:
        """Serve the request to its end; what is raised is in ``error``, as in a server's log."""
        with clean_context():
            try:
                self._serve()
            except BaseException as error:
                if type(error) is KeyboardInterrupt:
                    raise  # from the keyboard: the apps raise a subclass
                self.error = error

    def _serve(self) -> None:
        self.open()
        try:
            self.finish()
        finally:
            self.close()
