"""werkzeug's Request and Response, with what a router and a chain of middlewares add to them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import IO, Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.datastructures import Authorization, Headers
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import Rule
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from . import json_response
from .closing import on_close
from .hosts import is_encoded_well
from .lifecycle import Headers as HeaderList
from .lifecycle import close_body, is_file, raise_after, run_all
from .rereadable_input import EndedInput, input_as_sent, reread, whole_input
from .routing import NO_ROUTE, Route

_ASCII = "".join(map(chr, range(128)))


class Request(WerkzeugRequest):
    """The request that ``request`` points to: werkzeug's, and what the router found for it.

    :param environ: the WSGI environ; nothing of its body is read before it is asked for.
    :param route: the match, or ``NO_ROUTE`` when the inner app is not an ``App``.
    """

    json_module: Any = json_response

    def __init__(self, environ: WSGIEnvironment, route: Route = NO_ROUTE) -> None:
        super().__init__(environ, populate_request=False)
        self.route = route
        self._input: IO[bytes] | None = None
        if not self.query_string.isascii():  # werkzeug decodes it as it is, and fails
            self.query_string = quote(self.query_string, safe=_ASCII).encode()

    @cached_property
    def host(self) -> str:
        """What ``Host`` says, and empty where that is no host's name, as a URL would have it."""
        host = super().host
        return host if is_encoded_well(host) else ""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body. An app of another framework, which this request goes to, can read it again.

        Reading it raises ``ClientDisconnected`` when the client leaves before it has sent all.
        """
        if self.route.rule is not None:
            return whole_input(self.environ, self.max_content_length)
        ours, self._input = reread(input_as_sent(self.environ))
        self.environ["wsgi.input"] = self._input
        environ = {**self.environ, "wsgi.input": ours}
        return whole_input(environ, self.max_content_length)

    @cached_property
    def authorization(self) -> Authorization | None:
        """What the header ``Authorization`` says; None where it says nothing that can be read."""
        try:
            return super().authorization
        except ValueError:  # base64 that is none
            return None

    def close(self) -> None:
        """Close the files of the form, and the body: what comes next is another request's."""
        super().close()
        close_body(self._input)
        self.__dict__["stream"] = EndedInput()

    @property
    def url_rule(self) -> Rule | None:
        """The matched ``werkzeug.routing.Rule``."""
        return self.route.rule

    @property
    def view_args(self) -> dict[str, Any] | None:
        """The arguments that the view is called with, or None when no rule matched."""
        return self.route.view_args if self.route.rule is not None else None

    @property
    def routing_exception(self) -> HTTPException | None:
        """Why no rule matched: the 404, 405, 400 or redirect."""
        return self.route.error

    @property
    def endpoint(self) -> str | None:
        """The name of the matched view."""
        return self.route.endpoint

    @property
    def blueprint(self) -> str | None:
        """The full name of the innermost blueprint around the view."""
        return next(iter(self.route.blueprints), None)

    @property
    def blueprints(self) -> list[str]:
        """The names of all blueprints around the view, innermost first."""
        return self.route.blueprints

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Answer 415 for another media type (werkzeug's), 400 for malformed JSON."""
        if e is None:
            return super().on_json_loading_failed(e)
        raise BadRequest("The request's body is not valid JSON.") from e


class Response(WerkzeugResponse):
    """werkzeug's Response, as HTML by default. A complete body keeps its length as a WSGI body."""

    default_mimetype = "text/html"
    json_module: Any = json_response
    autocorrect_location_header = False

    @classmethod
    def from_wsgi(
        cls, environ: WSGIEnvironment, body: Iterable[bytes], status: str, headers: HeaderList
    ) -> Response:
        """Make a response of what a WSGI app gave, without reading the body."""
        response = cls(body, status, headers, direct_passthrough=is_file(body, environ))
        if not any(name.lower() == "content-type" for name, _ in headers):
            del response.headers["Content-Type"]
        return response

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        """The WSGI body. ``close`` runs every callback, also after one has raised."""
        if environ["REQUEST_METHOD"] == "HEAD" or self._has_no_content():
            return on_close([], self._end)
        if self.direct_passthrough:
            return on_close(self.response, self._run_callbacks, environ=environ)  # type: ignore[arg-type]
        if self.is_sequence:
            chunks = list(self.iter_encoded())
            return on_close(chunks, self._end) if self._on_close else chunks
        return on_close(self.iter_encoded(), self._end)

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers to send. 1xx, 204 and 304 describe no content that is not there."""
        headers = super().get_wsgi_headers(environ)
        if self._has_no_content():
            headers.remove("Content-Type")
            headers.remove("Content-Length")
        return headers

    def _has_no_content(self) -> bool:
        return self.status[0] == "1" or self.status[:3] in ("204", "304")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send this response. What cannot be started is closed here."""
        body, status, headers = self.get_wsgi_response(environ)
        try:
            start_response(status, headers)
        except BaseException as error:
            raise_after(error, close_body, body)
        return body

    def close(self) -> None:
        """Close the body and run the callbacks: all of them."""
        run_all([lambda: close_body(self.response), *self._on_close])

    def _end(self, outcome: BaseException | None) -> None:
        self.close()

    def _run_callbacks(self, outcome: BaseException | None) -> None:
        run_all(self._on_close)
