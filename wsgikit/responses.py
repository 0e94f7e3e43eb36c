"""From what a view returns to a response."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import NoneType
from typing import TYPE_CHECKING, Any, BinaryIO
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.datastructures import Headers
from werkzeug.utils import redirect as werkzeug_redirect
from werkzeug.utils import send_file as werkzeug_send_file
from werkzeug.wrappers import Response as WerkzeugResponse

from . import json_response
from .lifecycle import prime
from .proxies import current_app, request
from .stacks import request_contexts
from .wrappers import Response

if TYPE_CHECKING:
    from .app import App

_HTML, _JSON = "text/html; charset=utf-8", "application/json"
_PLAIN: dict[type[Any], str] = {str: _HTML, bytes: _HTML, dict: _JSON, list: _JSON}
_MIMETYPE = Response.default_mimetype
_HEADERS = (Headers, Mapping, list, tuple, NoneType)
_EXPECTED = (
    "A view returns str, bytes, a dict, a list, a Response, a WSGI callable, a generator, or a "
    "tuple (body, status), (body, headers) or (body, status, headers)."
)


def jsonify(*args: Any, **kwargs: Any) -> Any:
    """Make a JSON response of the one argument, of all arguments as a list, or of the keywords.

    :raises TypeError: both arguments and keywords are given, or a value is not JSON.
    """
    if args and kwargs:
        raise TypeError("jsonify takes either arguments or keywords, not both.")
    value: Any = kwargs if not args else args[0] if len(args) == 1 else list(args)
    return current_app.response_class(
        json_response.dumps(value) + "\n", mimetype="application/json"
    )


def make_response(*args: Any) -> Any:
    """Make a response of what a view may return, to set its headers or cookies.

    A generator's code up to its first yield runs here, before the headers leave: it may still
    write to the session or abort. Without arguments the response is empty.

    :raises TypeError: the value is none of what a view may return.
    """
    value = args[0] if len(args) == 1 else args
    if not args:
        return current_app.response_class()
    if not isinstance(value, tuple):
        return _from_body(value)
    body, status, headers = _unpack(value)
    if not isinstance(status, (int, str, NoneType)) or not isinstance(headers, _HEADERS):
        raise _wrong(f"status {status!r}, headers {headers!r}")
    response = _from_body(body)
    if status is not None:
        if isinstance(status, int):
            response.status_code = status
        else:
            response.status = status
    if headers:
        response.headers.update(headers)
    return response


def _unpack(value: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    match value:
        case (body, status, headers):
            return body, status, headers
        case (body, (int() | str()) as status):
            return body, status, None
        case (body, headers):
            return body, None, headers
    raise _wrong(f"a tuple of {len(value)}")


def _from_body(body: Any) -> Any:
    if isinstance(body, WerkzeugResponse):
        return body
    if isinstance(body, (str, bytes)):
        return current_app.response_class(body)
    if isinstance(body, bytearray):
        return current_app.response_class(bytes(body))
    if isinstance(body, (dict, list)):
        return jsonify(body)
    if isinstance(body, Iterator):
        return current_app.response_class(prime(body))
    if callable(body):
        return current_app.response_class.force_type(body, request.environ)
    raise _wrong(f"{type(body).__name__}: {body!r:.200}")


def _wrong(returned: str) -> TypeError:
    context = request_contexts.top
    endpoint = context.route.endpoint if context is not None else None
    return TypeError(f"A view returned {returned} (endpoint {endpoint!r}).\n\n{_EXPECTED}")


def send(
    result: Any, app: App, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer with what a view has returned.

    Plain text, bytes and JSON go out as they are, since a ``Response`` would add nothing to them.
    """
    kind = type(result)
    is_default = app.response_class is Response and Response.default_mimetype is _MIMETYPE
    if kind not in _PLAIN or not is_default:
        response = result if _is_wsgi_app(result) else make_response(result)
        return response(environ, start_response)  # type: ignore[no-any-return]
    if kind is str:
        body = result.encode()
    else:
        body = result if kind is bytes else f"{json_response.dumps(result)}\n".encode()
    length = ("Content-Length", str(len(body)))
    start_response("200 OK", [("Content-Type", _PLAIN[kind]), length])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _is_wsgi_app(value: object) -> bool:
    return callable(value) and not isinstance(value, (WerkzeugResponse, Iterator))


def redirect(location: str, code: int = 302) -> Any:
    """Make a response that sends the client to ``location``.

    :param code: 301, 302, 303, 305, 307 or 308. After a POST, 303 makes a GET of it.
    """
    return werkzeug_redirect(location, code, Response=current_app.response_class)


def send_file(
    path_or_file: str | os.PathLike[str] | BinaryIO,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | timedelta | Callable[[str | None], int | None] | None = None,
) -> Any:
    """Make a response of a file: conditional, in ranges, and by sendfile where the server can.

    :param path_or_file: a path, relative to ``current_app.root_path``, or an open binary file.
        Never a path that a client chose.
    :param max_age: seconds that clients may cache it; default ``SEND_FILE_MAX_AGE_DEFAULT``.
    :raises FileNotFoundError: no such file.

    The other arguments are those of ``werkzeug.utils.send_file``.
    """
    if max_age is None:
        max_age = current_app.config["SEND_FILE_MAX_AGE_DEFAULT"]
    if isinstance(max_age, timedelta):
        max_age = int(max_age.total_seconds())
    return werkzeug_send_file(
        path_or_file,
        environ=request.environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=max_age,
        response_class=current_app.response_class,
        _root_path=current_app.root_path,
    )
