"""Gives each request an id, and the trace that it belongs to."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from secrets import randbits, token_hex
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.environ import REQUEST_ID, TRACEPARENT, TRUSTED_PEER
from wsgikit.errors import ConfigurationError
from wsgikit.layer import Layer
from wsgikit.lifecycle import Headers, on_start
from wsgikit.trusted_peers import TrustedPeers, has_trusted_peer

_ID = re.compile(r"[\w@-]{1,255}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_KNOWN_FLAGS = 0b11  # sampled, random


class RequestIDMiddleware(Layer):
    """Name each request, so that one search finds all that was logged of it.

    :param app: the WSGI app inside.
    :param header: where a proxy sends its id, and where the client is told the one in use.
    :param trusted: IP addresses, networks and ``"unix"``: the peers whose id and ``traceparent``
        are taken over. Default: those that ``ProxyMiddleware`` trusts, or none.
    :raises ConfigurationError: ``header`` is no header's name, or ``trusted`` no list of networks.

    An id of 1 to 255 letters, digits, ``_``, ``-`` and ``@`` is taken over, or else a UUID of
    version 7 (RFC 9562) made, which sorts by time. A ``traceparent`` (W3C Trace Context) is passed
    on, or else a trace begun. What others send is dropped: the app sees the id in use alone. A
    trusted proxy has to set both headers, or to clear them: else they are its clients' choice.

    Sets ``environ["wsgikit.request_id"]``, ``environ["wsgikit.traceparent"]`` and ``header``, here
    and in the response, error pages included. Place it right inside ``ProxyMiddleware``, which
    knows the peer, and outside ``AccessLogMiddleware`` and all else that names the request.
    """

    provides = (REQUEST_ID, TRACEPARENT)
    uses = (TRUSTED_PEER,)
    observes = True

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        header: str = "X-Request-ID",
        trusted: Iterable[str] | None = None,
    ) -> None:
        super().__init__(app)
        if not _HEADER.fullmatch(header):
            raise ConfigurationError(
                f"{header!r} is no name of a header.\n\nWrite one such as 'X-Request-ID'."
            )
        self.header = header
        self._key = "HTTP_" + header.upper().replace("-", "_")
        self._trusted = None if trusted is None else TrustedPeers(trusted)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._name(environ)
        request_id = environ[self._key] = environ[REQUEST_ID]

        def add_id(status: str, headers: Headers) -> None:
            name = self.header.lower()
            headers[:] = [each for each in headers if each[0].lower() != name]
            headers.append((self.header, request_id))

        return self.call_app(environ, on_start(start_response, add_id))

    def _name(self, environ: WSGIEnvironment) -> None:
        is_trusted = has_trusted_peer(environ, self._trusted)
        given = environ.get(self._key, "") if is_trusted else ""
        if REQUEST_ID not in environ:  # else a layer outside has named it
            environ[REQUEST_ID] = given if _ID.fullmatch(given) else _uuid7()
        if TRACEPARENT not in environ:
            environ[TRACEPARENT] = _take_over_trace(environ, is_trusted) or _new_trace()


def _uuid7() -> str:
    value = time.time_ns() // 1_000_000 << 80 | randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76  # the version
    value = value & ~(0b11 << 62) | 0b10 << 62  # the variant
    return str(UUID(int=value))


def _take_over_trace(environ: WSGIEnvironment, is_trusted: bool) -> str | None:
    found = _TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", "")) if is_trusted else None
    if found is None or (found[0].startswith("00") and found[4]):  # version 00 ends there
        environ.pop("HTTP_TRACEPARENT", None)
        environ.pop("HTTP_TRACESTATE", None)
        return None
    return f"00-{found[1]}-{found[2]}-{int(found[3], 16) & _KNOWN_FLAGS:02x}"


def _new_trace() -> str:
    # Not sampled: nobody has recorded a span of it.
    return f"00-{token_hex(16)}-{token_hex(8)}-00"
