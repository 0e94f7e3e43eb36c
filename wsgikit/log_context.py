"""The request's id in every line that is logged while it is served."""

from __future__ import annotations

import logging
from typing import Any

from .environ import REQUEST_ID, TRACEPARENT
from .stacks import request_contexts

_NONE = "-"


class RequestIDFilter(logging.Filter):
    """Gives each record ``request_id`` and ``trace_id``, for the format of a handler.

    Add it to handlers: a logger's filters do not see what comes from the loggers below it. The ids
    are those of the current request, in apps of other frameworks inside ``ContextMiddleware`` too,
    and in threads that ``copy_current_request_context`` hands it to; elsewhere ``-``. A record that
    has them already keeps them: see :func:`request_ids`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        context = request_contexts.top
        environ: dict[str, Any] = context.environ if context is not None else {}
        for name, value in request_ids(environ).items():
            record.__dict__.setdefault(name, value)
        return True


def request_ids(environ: dict[str, Any]) -> dict[str, str]:
    """The ids of a request, for the ``extra`` of a line that is logged outside of its context."""
    return {
        "request_id": environ.get(REQUEST_ID) or _NONE,
        "trace_id": trace_id(environ) or _NONE,
    }


def trace_id(environ: dict[str, Any]) -> str | None:
    """The id of the trace that the request belongs to: 32 hexadecimal digits."""
    traceparent: str = environ.get(TRACEPARENT, "")
    return traceparent[3:35] or None
