"""A request in one line of the access log, which no client can end, nor make up another."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from werkzeug.http import http_date

from .environ import REQUEST_ID
from .exchange import Exchange
from .log_context import trace_id
from .redaction import Redaction

LOGGER = "wsgikit.access"

# So that a line stays under 4,096 bytes: what several processes write to a pipe is not mixed then.
_LONGEST_TARGET, _LONGEST_REFERER, _LONGEST_AGENT, _LONGEST_WORD = 1024, 512, 256, 64
_IN_PATH = "/:@!$&'()*+,;=-._~"
_IN_URL = _IN_PATH + "?%[]#"
_TEXT = (
    '{client} - - [{time}] "{method} {path} {protocol}" {status} {bytes} '
    "{referer} {user_agent} first_byte={first_byte:.6f} seconds={seconds:.6f} aborted={aborted} "
    "rule={rule} request_id={request_id} trace_id={trace_id}"
)


def find_logger(name: str) -> logging.Logger:
    """The logger of that name. Ours writes its lines to standard output until it is configured.

    As long as it has no level and no handler, nor has any logger above it.
    """
    logger = logging.getLogger(name)
    if name == LOGGER and logger.level == logging.NOTSET and not logger.hasHandlers():
        logger.setLevel(logging.INFO)
        logger.addHandler(logging.StreamHandler(sys.stdout))
    return logger


def asked(environ: WSGIEnvironment, redaction: Redaction) -> dict[str, Any]:
    """What the line says of the request: to be asked before layers and apps change the environ."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    target = _quoted(path, _IN_PATH) or "/"
    if query := environ.get("QUERY_STRING"):
        target += "?" + _quoted(redaction.query(query), _IN_URL)
    referer = _quoted(redaction.url(environ.get("HTTP_REFERER", "")), _IN_URL)
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


def answered(asked: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """The whole line: what was asked, and what has become of it."""
    # Without a layer that gives it an id, a request has one when an error was reported.
    request_id = asked["request_id"] or exchange.environ.get(REQUEST_ID)
    return asked | {
        "status": exchange.status,
        "bytes": exchange.size,
        "first_byte": round(exchange.first_byte or 0, 6),
        "seconds": round(exchange.seconds, 6),
        "aborted": exchange.aborted,
        "rule": exchange.rule,
        "request_id": _quoted(request_id, "@") if request_id else None,
    }


def _quoted(text: str, safe: str) -> str:
    """Percent-encoded, as in a URL: nothing is left that could end a line or look like one."""
    return quote(text, safe=safe, encoding="latin-1", errors="replace")


def _text(header: str) -> str:
    return header.encode("latin-1", "replace").decode(errors="replace")


def as_text(line: dict[str, Any]) -> str:
    """The combined format of Apache and nginx, and more behind it."""
    quoted = {name: json.dumps(line[name] or "-") for name in ("referer", "user_agent", "rule")}
    day, month, year, clock = http_date(line["time"])[5:25].split()  # in English anywhere
    values = line | quoted | {"time": f"{day}/{month}/{year}:{clock} +0000"}
    return _TEXT.format_map({name: "-" if v is None else v for name, v in values.items()})


def as_json(line: dict[str, Any]) -> str:
    """One object."""
    return json.dumps(line | {"time": line["time"].isoformat(timespec="milliseconds")})


FORMATS: dict[str, Callable[[dict[str, Any]], str]] = {"text": as_text, "json": as_json}
