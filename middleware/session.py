"""Opens the visitor's session, and sends its cookie when the response starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.environ import CONTEXT, SESSION
from wsgikit.lifecycle import Headers, on_start
from wsgikit.sessions import Session, SessionCookie
from wsgikit.vary import add_vary


class SessionMiddleware:
    """Keep ``session`` in a signed cookie (itsdangerous, HMAC-SHA-256).

    :param app: the WSGI app inside.
    :param secret_key: signs the cookie. Make one with ``secrets.token_hex()``.
    :param secret_key_fallbacks: former keys, oldest first: they still verify, and what they
        signed is signed again with ``secret_key`` on the next response.
    :param cookie_name: also part of the signature, so that no other cookie's value is taken.
    :param max_age: seconds, or a timedelta, after which a cookie is refused; a permanent session's
        cookie lives as long in the browser. Default 31 days.
    :param refresh_interval: seconds, or a timedelta, after which a session that is only read is
        signed again. Default a tenth of ``max_age``; 0: with each response that used it.
    :param path, domain, http_only, same_site, partitioned: the cookie's attributes.
    :param secure: False or True; default None: when the request came by https.
    :param oversize: over 4093 bytes, ``"raise"`` an error in the request, or ``"keep"`` the
        visitor's former session and log an error.
    :raises ConfigurationError: an option is missing or wrong.

    Sets ``environ["wsgikit.session"]``. Place it inside ``ErrorMiddleware``, because what cannot be
    stored raises here, and outside hooks and views, because their changes are sent when they
    start the response. It adds ``Set-Cookie`` only when the session changed or is due to be signed
    again, never on a 5xx, and ``Vary: Cookie`` whenever it was used (RFC 9110, section 12.5.5).
    """

    provides = (SESSION,)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        secret_key: str | bytes,
        secret_key_fallbacks: Sequence[str | bytes] = (),
        cookie_name: str = "wsgikit_session",
        max_age: int | timedelta = timedelta(days=31),
        refresh_interval: int | timedelta | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        http_only: bool = True,
        same_site: Literal["Lax", "Strict", "None"] | None = "Lax",
        partitioned: bool = False,
        oversize: Literal["raise", "keep"] = "raise",
    ) -> None:
        self.app = app
        self.cookie = SessionCookie(
            secret_key=secret_key,
            secret_key_fallbacks=secret_key_fallbacks,
            cookie_name=cookie_name,
            max_age=max_age,
            refresh_interval=refresh_interval,
            path=path,
            domain=domain,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
            partitioned=partitioned,
            oversize=oversize,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        outer: Session | None = environ.get(SESSION)
        if outer is not None and outer.is_open and outer.source == self.cookie.source:
            return self.app(environ, start_response)  # one cookie: the layer outside sends it
        load = partial(self.cookie.load, environ.get("HTTP_COOKIE"))
        session = environ[SESSION] = Session(load, self.cookie.source)
        if CONTEXT in environ:  # a layer between may have copied the environ
            environ[CONTEXT].environ[SESSION] = session
        https = environ["wsgi.url_scheme"] == "https"
        commit = partial(self._commit, session, https)
        try:
            return self.app(environ, on_start(start_response, commit))
        except BaseException:
            session.failed = True
            raise

    def _commit(self, session: Session, https: bool, status: str, headers: Headers) -> None:
        cookie = None
        if session.accessed and not status.startswith("5"):
            cookie = self._cookie_to_send(session, https)
        session.committed = True
        if cookie is not None:
            headers.append(("Set-Cookie", cookie))
        if session.accessed:
            add_vary(headers, "Cookie")

    def _cookie_to_send(self, session: Session, https: bool) -> str | None:
        stored = session.stored
        if session.modified:
            if session:
                return self.cookie.dump(session, https=https)
            return self.cookie.delete(https=https) if stored is not None else None
        if stored is not None and session and self.cookie.needs_reissue(stored):
            return self.cookie.dump(session, https=https)
        return None
