"""Has clients use https: redirects, Strict-Transport-Security, and Secure on cookies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.environ import HOST, PROXY_ORIGINAL
from wsgikit.errors import ConfigurationError
from wsgikit.exclusion import Predicate, make_exclusion
from wsgikit.hosts import parse_host
from wsgikit.layer import Layer
from wsgikit.lifecycle import Headers, on_start
from wsgikit.wrappers import Response

_HSTS = "Strict-Transport-Security"
_YEAR = 365 * 24 * 60 * 60
_AS_THEY_ARE = "".join(map(chr, range(0x21, 0x7F)))


class HTTPSMiddleware(Layer):
    """Redirect http to https, tell browsers to stay there, and keep cookies there.

    :param app: the WSGI app inside.
    :param redirect: 301 for GET and HEAD, and 307, which keeps method and body, for others. With
        False, requests by http reach the app.
    :param hsts_max_age: seconds, or a timedelta, that browsers ask for the host by https alone.
        Default a year. 0 has them forget it; None sends no ``Strict-Transport-Security``.
    :param include_subdomains: the same for all names below the host.
    :param preload: agree to the host being in browsers' built-in lists (hstspreload.org).
    :param exclude: whole paths that are not redirected, or a function of the environ.
    :raises ConfigurationError: ``preload`` without what the lists ask for, or a negative age.

    A response by https gets the header unless the app has set one of its own, and ``Secure`` on
    each cookie. A redirect goes to the host asked for, at https's own port; it is 400 without one.

    Place it inside ``ProxyMiddleware``, which knows how the client came, and inside
    ``HostMiddleware``, or it redirects to any host. Follows RFC 6797 and RFC 6265, section 4.1.2.5.
    """

    uses = (PROXY_ORIGINAL, HOST)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        redirect: bool = True,
        hsts_max_age: float | timedelta | None = _YEAR,
        include_subdomains: bool = False,
        preload: bool = False,
        exclude: Iterable[str] | Predicate = (),
    ) -> None:
        super().__init__(app)
        self.redirect = redirect
        self.hsts = _hsts(hsts_max_age, include_subdomains, preload)
        self.is_excluded = make_exclusion(exclude)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["wsgi.url_scheme"] == "https":
            return self.call_app(environ, on_start(start_response, self._harden))
        if self.redirect and not self.is_excluded(environ):
            return _redirect(environ)(environ, start_response)
        return self.call_app(environ, start_response)

    def _harden(self, status: str, headers: Headers) -> None:
        names = [name.lower() for name, _ in headers]
        for index, name in enumerate(names):
            if name == "set-cookie":
                headers[index] = (headers[index][0], _secure(headers[index][1]))
        if self.hsts and _HSTS.lower() not in names:
            headers.append((_HSTS, self.hsts))


def _secure(cookie: str) -> str:
    attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
    return cookie if "secure" in attributes else f"{cookie}; Secure"


def _redirect(environ: WSGIEnvironment) -> Response:
    host = parse_host(environ.get("HTTP_HOST", ""))
    if host is None:
        return Response("The request names no host.\n", 400, mimetype="text/plain")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    path = quote(path.encode("latin-1"), safe="/!$&'()*+,;=:@~")
    if not path.startswith("/"):  # or it would go on with the host's name
        path = f"/{path}"
    query = quote(environ.get("QUERY_STRING", "").encode("latin-1"), safe=_AS_THEY_ARE)
    location = f"https://{host._replace(port=None)}{path}{query and '?'}{query}"
    code = 301 if environ["REQUEST_METHOD"] in ("GET", "HEAD") else 307
    return Response("", code, {"Location": location}, mimetype="text/plain")


def _hsts(max_age: float | timedelta | None, include_subdomains: bool, preload: bool) -> str:
    if max_age is None and not preload:
        return ""
    age = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age or 0
    if not isinstance(age, (int, float)) or not 0 <= age < math.inf:
        raise ConfigurationError(
            f"hsts_max_age={max_age!r} is no number of seconds.\n\nWrite 0 to turn it off."
        )
    if preload and not (include_subdomains and age >= _YEAR):
        raise ConfigurationError(
            "preload=True is refused by the lists of browsers.\n\nAdd include_subdomains=True and "
            f"hsts_max_age={_YEAR} or more, or leave preload out."
        )
    directives = [f"max-age={int(age)}", "includeSubDomains", "preload"]
    return "; ".join(
        directives[:1] + directives[1:2] * include_subdomains + directives[2:] * preload
    )
