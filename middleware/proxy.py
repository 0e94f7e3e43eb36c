"""Puts the client's address, scheme and host in the place of the proxy's."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import BadRequest

from wsgikit.environ import PEER, PROXY_ORIGINAL, TRUSTED_PEER
from wsgikit.forwarding import read_forwarding
from wsgikit.layer import Layer, observed
from wsgikit.log_context import request_ids
from wsgikit.option_lists import list_of
from wsgikit.proxy_headers import (
    OF_CLIENTS,
    UNDERSTOOD,
    X_ANY,
    X_FOR,
    X_HOST,
    X_PREFIX,
    X_PROTO,
)
from wsgikit.run_once import RunOnce
from wsgikit.trusted_peers import TrustedPeers
from wsgikit.wrappers import Response

logger = logging.getLogger("wsgikit.proxy")

_WERKZEUG_ORIGINAL = "werkzeug.proxy_fix.orig"
_TWICE = (
    "Another layer, or werkzeug's ProxyFix, has corrected the environ before ProxyMiddleware, "
    "which leaves it as it is. Take out one of the two: this is logged once."
)
_CORRECTED = (
    ("REMOTE_ADDR", X_FOR),
    ("wsgi.url_scheme", X_PROTO),
    ("HTTP_HOST", X_HOST),
    ("SCRIPT_NAME", X_PREFIX),
)
_OF_THE_PEER = ("REMOTE_HOST", "REMOTE_PORT")


class ProxyMiddleware(Layer):
    """Believe what trusted proxies say of the client; take out what anybody else says.

    :param app: the WSGI app inside.
    :param trusted: the addresses and networks (CIDR) of the proxies, and ``"unix"`` for peers on
        a Unix socket. Default: none, because an address that is trusted unasked, such as this
        machine's, may be that of a tunnel or service that passes on what clients send.
    :param headers: what the proxies set themselves on each request. All others that speak of
        clients are taken out, because the proxy passes them on as the client sent them. Of these,
        X-Forwarded-For, -Proto, -Host, -Port, -Prefix and Forwarded are understood.
    :raises ConfigurationError: ``trusted`` holds what is no network, or one text is no list.

    The client is the last address, from the right, that is no trusted proxy; scheme, host and
    prefix are what the outermost trusted proxy says. Each header that was believed is left with
    the one value that counts, so that no reader inside comes to another answer. Malformed headers
    and contradictions are answered with 400, which the layers right inside that name, log or count
    requests see as any other answer, and nothing else does.

    Sets ``environ["wsgikit.peer"]`` and ``["wsgikit.trusted_peer"]``, corrects ``REMOTE_ADDR``,
    ``wsgi.url_scheme``, ``HTTP_HOST`` and ``SCRIPT_NAME``, and keeps what was there in
    ``["wsgikit.proxy_original"]``. Place it outside every layer that reads these. Follows RFC 7239.
    """

    provides = (PEER, TRUSTED_PEER, PROXY_ORIGINAL)
    forbids = (PROXY_ORIGINAL,)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        trusted: Iterable[str] = (),
        headers: Iterable[str] = ("X-Forwarded-For", "X-Forwarded-Proto"),
    ) -> None:
        super().__init__(app)
        self.trusted = TrustedPeers(trusted)
        names = list_of("headers", headers, "X-Forwarded-For")
        self.headers = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in names)
        self._names = self.headers | OF_CLIENTS
        self._warn_of_two = RunOnce()
        self._warn_of_two.add(lambda: logger.error(_TWICE))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if PROXY_ORIGINAL in environ or _WERKZEUG_ORIGINAL in environ:
            self._warn_of_two()
            return self.call_app(environ, start_response)
        peer = environ[PEER] = environ.get("REMOTE_ADDR", "")
        is_trusted = environ[TRUSTED_PEER] = peer in self.trusted
        original = environ[PROXY_ORIGINAL] = self._take_out(environ)
        if is_trusted and original:
            try:
                self._correct(environ, original)
            except BadRequest as error:
                answer = partial(_refuse, str(error.description))
                return observed(answer, self.app)(environ, start_response)
        return self.call_app(environ, start_response)

    def _take_out(self, environ: WSGIEnvironment) -> dict[str, str]:
        names, start = self._names, len(X_ANY)  # a method call for each key would cost most of all
        keys = [key for key in environ if key in names or key[:start] == X_ANY]
        return {key: environ.pop(key) for key in keys}

    def _correct(self, environ: WSGIEnvironment, original: dict[str, str]) -> None:
        believed = {key: original[key] for key in self.headers & original.keys()}
        scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")
        said = read_forwarding(believed, self.trusted, scheme, host)
        environ.update((key, believed[key]) for key in believed.keys() - UNDERSTOOD)
        if said.address is not None:
            original |= {key: environ.pop(key) for key in _OF_THE_PEER if key in environ}
        for value, (key, header) in zip(said, _CORRECTED, strict=True):
            if value is not None:
                original[key], environ[key] = environ.get(key, ""), value
                if value and header in believed:
                    environ[header] = value


def _refuse(text: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    ids = request_ids(environ)
    logger.warning("Refused what the proxy %s sent: %s", environ[PEER], text, extra=ids)
    response = Response(f"{text}\n", 400, mimetype="text/plain")
    return response(environ, start_response)
