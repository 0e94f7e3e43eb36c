"""The response to an HTTP error, in the format that the client asked for."""

from __future__ import annotations

import json
from typing import Any
from wsgiref.types import WSGIEnvironment

from markupsafe import escape
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header

from .environ import REQUEST_ID

_HTML, _TEXT, _PROBLEM = "text/html", "text/plain", "application/problem+json"
_OFFERED = (_HTML, _PROBLEM, "application/json", _TEXT)


def error_page(error: HTTPException, environ: WSGIEnvironment) -> Any:
    """Make the response to ``error``: HTML, problem details (RFC 9457) or text, by ``Accept``.

    An exception that carries a response, or makes its body by itself, is taken as it is. A page
    for an error that was reported names the request's id, by which the log can be searched.
    """
    response: Any = error.get_response(environ)
    if error.response is not None or error.code is None or not _has_standard_body(error):
        return response
    response.vary.add("Accept")
    chosen = _chosen_format(environ)
    request_id = environ.get(REQUEST_ID) if error.code >= 500 else None
    if chosen == _HTML:
        if request_id:
            response.data += f"<p>Request {escape(request_id)}</p>\n".encode()
        return response
    is_text = chosen == _TEXT
    response.mimetype = _TEXT if is_text else _PROBLEM
    response.set_data((_as_text if is_text else _as_problem)(error, request_id))
    return response


def _has_standard_body(error: HTTPException) -> bool:
    cls = type(error)
    return cls.get_body is HTTPException.get_body and cls.get_response is HTTPException.get_response


def _chosen_format(environ: WSGIEnvironment) -> str:
    accept = parse_accept_header(environ.get("HTTP_ACCEPT"), MIMEAccept)
    return accept.best_match(_OFFERED, _HTML)


def _as_text(error: HTTPException, request_id: str | None) -> str:
    lines = [f"{error.code} {error.name}", "", error.description or ""]
    if request_id:
        lines += ["", f"Request {request_id}"]
    return "\n".join(lines).rstrip() + "\n"


def _as_problem(error: HTTPException, request_id: str | None) -> str:
    problem: dict[str, Any] = {"type": "about:blank", "title": error.name, "status": error.code}
    if error.description:
        problem["detail"] = error.description
    if request_id:
        problem["request_id"] = request_id
    return json.dumps(problem) + "\n"
