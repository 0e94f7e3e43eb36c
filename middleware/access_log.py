"""Logs each request in one line when its response is over."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.http import http_date

from wsgikit.environ import PROXY_ORIGINAL, REQUEST_ID
from wsgikit.errors import ConfigurationError
from wsgikit.exchange import Exchange, observe
from wsgikit.layer import Layer
from wsgikit.log_context import trace_id
from wsgikit.redaction import SECRETS, Redaction

# So that a line stays under 4,096 bytes: what several processes write to a pipe is not mixed then.
_LONGEST_TARGET, _LONGEST_REFERER, _LONGEST_AGENT, _LONGEST_WORD = 1024, 512, 256, 64
_IN_PATH = "/:@!$&'()*+,;=-._~"
_IN_URL = _IN_PATH + "?%[]#"
_TEXT = (
    '{client} - - [{time}] "{method} {path} {protocol}" {status} {bytes} '
    "{referer} {user_agent} first_byte={first_byte:.6f} seconds={seconds:.6f} aborted={aborted} "
    "rule={rule} request_id={request_id} trace_id={trace_id}"
)


class AccessLogMiddleware(Layer):
    """Log one line a request, when its body is closed; aborted ones and errors too.

    :param app: the WSGI app inside.
    :param format: ``"text"``, the combined format of Apache and nginx with more behind it, or
        ``"json"``, one object a line.
    :param logger: the name of the logger, or the logger. Lines have level INFO.
    :param redact: names, or words of names, of query parameters whose values are not logged,
        instead of ``wsgikit.redaction.SECRETS``.
    :raises ConfigurationError: there is no such format, or ``redact`` is no list of names.

    A line has the client, method, path, query, status, bytes of the body, seconds to its first
    byte and to its end, why it was cut (``client`` left, or ``error``), the rule of the route,
    the ids of request and trace, referer and user agent; no other header, so no cookie and no
    ``Authorization``. All of it is ASCII without control characters, whatever was asked for.

    Place it inside ``ProxyMiddleware`` and ``RequestIDMiddleware``, whose address and id it logs,
    and outside all that answers. Reads ``environ["wsgikit.context"]`` for the rule.
    """

    uses = (REQUEST_ID, PROXY_ORIGINAL)
    observes = True

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        format: Literal["text", "json"] = "text",
        logger: str | logging.Logger = "wsgikit.access",
        redact: Iterable[str] = SECRETS,
    ) -> None:
        super().__init__(app)
        if format not in ("text", "json"):
            raise ConfigurationError(f"There is no format {format!r}.\n\nWrite 'text' or 'json'.")
        self.format = format
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._redaction = Redaction(redact)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self.logger.isEnabledFor(logging.INFO):
            return self.call_app(environ, start_response)
        asked = self._asked(environ)  # now: layers and apps move the path, or clear it all
        return observe(self.call_app, environ, start_response, partial(self._log, asked))

    def _asked(self, environ: WSGIEnvironment) -> dict[str, Any]:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        target = _quoted(path, _IN_PATH) or "/"
        if query := environ.get("QUERY_STRING"):
            target += "?" + _quoted(self._redaction.query(query), _IN_URL)
        referer = _quoted(self._redaction.url(environ.get("HTTP_REFERER", "")), _IN_URL)
        return {
            "time": datetime.now(UTC),
            "client": _quoted(environ.get("REMOTE_ADDR", ""), ":.%")[:_LONGEST_WORD] or None,
            "method": _quoted(environ.get("REQUEST_METHOD", ""), "")[:_LONGEST_WORD],
            "path": target[:_LONGEST_TARGET],
            "protocol": _quoted(environ.get("SERVER_PROTOCOL", ""), "/."),
            "referer": referer[:_LONGEST_REFERER] or None,
            "user_agent": _text(environ.get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT]) or None,
            "request_id": environ.get(REQUEST_ID),
            "trace_id": trace_id(environ),
        }

    def _log(self, asked: dict[str, Any], exchange: Exchange) -> None:
        # Without a layer that gives it an id, a request has one when an error was reported.
        request_id = asked["request_id"] or exchange.environ.get(REQUEST_ID)
        line = asked | {
            "status": exchange.status,
            "bytes": exchange.size,
            "first_byte": round(exchange.first_byte or 0, 6),
            "seconds": round(exchange.seconds, 6),
            "aborted": exchange.aborted,
            "rule": exchange.rule,
            "request_id": _quoted(request_id, "@") if request_id else None,
        }
        ids = {name: line[name] or "-" for name in ("request_id", "trace_id")}  # for its filters
        text = (_as_json if self.format == "json" else _as_text)(line)
        self.logger.info("%s", text, extra=ids)


def _quoted(text: str, safe: str) -> str:
    """Percent-encoded, as in a URL: nothing is left that could end a line or look like one."""
    return quote(text, safe=safe, encoding="latin-1", errors="replace")


def _text(header: str) -> str:
    return header.encode("latin-1", "replace").decode(errors="replace")


def _as_text(line: dict[str, Any]) -> str:
    for name in ("referer", "user_agent", "rule"):
        line[name] = json.dumps(line[name] or "-")
    day, month, year, clock = http_date(line["time"])[5:25].split()  # in English anywhere
    line["time"] = f"{day}/{month}/{year}:{clock} +0000"
    return _TEXT.format_map({name: "-" if value is None else value for name, value in line.items()})


def _as_json(line: dict[str, Any]) -> str:
    return json.dumps(line | {"time": line["time"].isoformat(timespec="milliseconds")})
