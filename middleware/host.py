"""Refuses requests for hosts that are not served here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.environ import HOST, PROXY_ORIGINAL
from wsgikit.exclusion import Predicate, make_exclusion
from wsgikit.hosts import TrustedHosts, parse_host
from wsgikit.layer import Layer
from wsgikit.log_context import request_ids
from wsgikit.wrappers import Response

logger = logging.getLogger("wsgikit.host")

_LONGEST = 255
"""Characters of a name in the DNS (RFC 1035); no more of one is logged."""


class HostMiddleware(Layer):
    """Answer 400 to requests for hosts that the site does not have.

    :param app: the WSGI app inside.
    :param trusted: names such as ``"example.org"``; with a dot in front, the names below it too;
        IP addresses, and networks in CIDR notation. Ports are not compared.
    :param exclude: whole paths that any host may ask for, or a function of the environ; for what
        calls by an address of its own, such as a load balancer's probe.
    :param debug: let the answer say what to add to ``trusted``.
    :raises ConfigurationError: ``trusted`` is empty or holds what is no host.

    Without this check a client chooses the host in links, redirects and mails, and in what caches
    keep. A missing ``Host`` (HTTP/1.0) is refused too: ``SERVER_NAME``, which would take its place,
    is where the server listens, and no name of the site. Each refusal is logged at error.

    Sets ``environ["wsgikit.host"]`` to the name, unless the request is excluded.

    Place it inside ``ProxyMiddleware``, which has put a forwarded host into ``HTTP_HOST``, and
    outside whatever makes URLs. Follows RFC 9110, section 7.2, and RFC 3986, section 3.2.2.
    """

    provides = (HOST,)
    uses = (PROXY_ORIGINAL,)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        trusted: Iterable[str],
        exclude: Iterable[str] | Predicate = (),
        debug: bool = False,
    ) -> None:
        super().__init__(app)
        self.trusted = TrustedHosts(trusted)
        self.is_excluded = make_exclusion(exclude)
        self.debug = debug

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        text = environ.get("HTTP_HOST", "")
        host = parse_host(text)
        if host is not None and host.name in self.trusted:
            environ[HOST] = host.name
            return self.call_app(environ, start_response)
        if self.is_excluded(environ):
            return self.call_app(environ, start_response)
        shown = ascii(text[:_LONGEST])  # which escapes line breaks
        logger.error("Refused the host %s", shown, extra=request_ids(environ))
        answer = "This host is not served here.\n"
        if self.debug and host is not None:
            answer += f"\nTo serve it, add {host.name!r} to HostMiddleware(trusted=[…]).\n"
        response = Response(answer, 400, mimetype="text/plain")
        return response(environ, start_response)
