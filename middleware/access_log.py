"""Logs each request in one line when its response is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.access_line import FORMATS, LOGGER, answered, asked, find_logger
from wsgikit.environ import PROXY_ORIGINAL, REQUEST_ID
from wsgikit.errors import ConfigurationError
from wsgikit.exchange import Exchange, observe
from wsgikit.layer import Layer
from wsgikit.redaction import SECRETS, Redaction


class AccessLogMiddleware(Layer):
    """Log one line a request, when its body is closed; aborted ones and errors too.

    :param app: the WSGI app inside.
    :param format: ``"text"``, the combined format of Apache and nginx with more behind it, or
        ``"json"``, one object a line.
    :param logger: the name of the logger, or the logger. Lines have level INFO. The default one,
        ``wsgikit.access``, writes them to standard output, unless by now it has a level or a
        handler, or any logger above it a handler: then all is as it was configured.
    :param redact: names of query parameters whose values are not logged, as in
        ``wsgikit.redaction.Redaction``, instead of ``SECRETS`` there.
    :raises ConfigurationError: there is no such format, or ``redact`` is no list of names.

    A line has the client, method, path, query, status, bytes of the body, seconds to its first
    byte and to its end, why it was cut (``client`` left, ``error``, ``stop`` of the worker), the
    rule of the route, the ids of request and trace, referer and user agent; no other header, so no
    cookie and no ``Authorization``. All is ASCII without control characters, whatever was asked.

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
        logger: str | logging.Logger = LOGGER,
        redact: Iterable[str] = SECRETS,
    ) -> None:
        super().__init__(app)
        if format not in FORMATS:
            raise ConfigurationError(f"There is no format {format!r}.\n\nWrite 'text' or 'json'.")
        self.format = format
        self.logger = find_logger(logger) if isinstance(logger, str) else logger
        self._redaction = Redaction(redact)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self.logger.isEnabledFor(logging.INFO):
            return self.call_app(environ, start_response)
        request = asked(environ, self._redaction)  # now: layers and apps move the path, or clear it
        return observe(self.call_app, environ, start_response, partial(self._log, request))

    def _log(self, request: dict[str, Any], exchange: Exchange) -> None:
        line = answered(request, exchange)
        ids = {name: line[name] or "-" for name in ("request_id", "trace_id")}  # for its filters
        self.logger.info("%s", FORMATS[self.format](line), extra=ids)
