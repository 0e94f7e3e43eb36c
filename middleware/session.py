"""Opens the visitor's session, and keeps it when the response starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.closing import on_close
from wsgikit.environ import PROXY_ORIGINAL, SESSION
from wsgikit.layer import Layer
from wsgikit.sessions import CookieReader, Session, SessionStore
from wsgikit.sessions.chunks import MAX_CHUNKS
from wsgikit.sessions.conflicts import Policies
from wsgikit.sessions.cookie import CookieAttributes, SameSite
from wsgikit.sessions.lifetimes import Duration, Lifetimes
from wsgikit.sessions.make_keeper import Oversize, make_keeper
from wsgikit.sessions.seal import Seal
from wsgikit.sessions.served_session import ServedSession

if TYPE_CHECKING:
    from wsgikit.sessions.outage import OutagePolicy


class SessionMiddleware(Layer):
    """Keep ``session``: in a sealed cookie, or in a store with no more than an id in the cookie.

    :param app: the WSGI app inside.
    :param secret_key: seals the cookie. Make one with ``wsgikit secret``.
    :param secret_key_fallbacks: former keys, oldest first: they still open cookies, and what they
        have sealed is sealed again with ``secret_key`` on the next response.
    :param cookie_name: also part of the seal, so that no other cookie's value is taken. With
        ``__Host-`` in front, browsers take it from this host by https alone.
    :param max_age: seconds, or a timedelta, after which an unused session ends; a permanent one's
        cookie lives as long in the browser. Default 31 days.
    :param refresh_interval: seconds, or a timedelta, after which a session that is only read is
        kept for longer. Default a tenth of ``max_age``; 0: with each response that used it.
    :param absolute_lifetime: seconds, or a timedelta, after which any session ends. Default: none.
    :param path, domain, http_only, same_site, partitioned: the cookie's attributes.
    :param secure: False or True; default None: when the request came by https.
    :param encrypted: hide the cookie's content (AES-256-GCM; extra ``encryption``).
    :param oversize: a session that no cookie can hold: ``"raise"`` an error in the request,
        ``"keep"`` the visitor's former session and log an error, ``"chunk"`` it into several
        cookies, or ``"spill"`` it into ``store``, where it stays.
    :param max_chunks: how many cookies; two of 3,500 bytes are what servers take by default.
    :param store: keep the data there: a ``SessionStore``, or a URL as ``make_store`` takes it.
    :param conflict: for a value that two requests have changed at the same time: ``"mine"``
        (the later response's), ``"theirs"``, ``"raise"`` (409), or a function of (base, mine,
        theirs); or a dict of these by session key.
    :param grace: seconds that the old id counts after ``session.regenerate()``.
    :param max_per_user: how many sessions of a user go on when one more is bound.
    :param outage: when the store does not answer: ``"unavailable"`` (503 with Retry-After),
        ``"empty"`` (an empty session, 503 only for who writes to it), or ``"cookie"`` (changes
        wait in a sealed cookie until it does).
    :param readers: take over the sessions in cookies of frameworks that the site had before.
    :raises ConfigurationError: an option is missing or wrong.

    Sets ``environ["wsgikit.session"]``. Place it inside ``ErrorMiddleware``, because what cannot be
    kept raises here, and outside hooks and views, because their changes are kept when they
    start the response: nothing of them on a 5xx. It adds ``Set-Cookie`` only when there is
    something new to say, and ``Vary: Cookie`` whenever the session was used (RFC 9110, 12.5.5).
    """

    provides = (SESSION,)
    uses = (PROXY_ORIGINAL,)

    def __init__(
        self,
        app: WSGIApplication,
        /,
        *,
        secret_key: str | bytes,
        secret_key_fallbacks: Sequence[str | bytes] = (),
        cookie_name: str = "wsgikit_session",
        max_age: Duration = 31 * 24 * 60 * 60,
        refresh_interval: Duration | None = None,
        absolute_lifetime: Duration | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool | None = None,
        http_only: bool = True,
        same_site: SameSite = "Lax",
        partitioned: bool = False,
        encrypted: bool = False,
        oversize: Oversize = "raise",
        max_chunks: int = MAX_CHUNKS,
        store: SessionStore | str | None = None,
        conflict: Policies = "mine",
        grace: Duration = 10,
        max_per_user: int | None = None,
        outage: OutagePolicy = "unavailable",
        readers: Sequence[CookieReader] = (),
    ) -> None:
        super().__init__(app)
        lifetimes = Lifetimes(max_age, refresh_interval, absolute_lifetime)
        self.max_age = lifetimes.max_age
        self.cookie_name = cookie_name
        self.seal = Seal(secret_key, secret_key_fallbacks, encrypted=encrypted)
        self.attributes = CookieAttributes(path, domain, secure, http_only, same_site, partitioned)
        self.keeper = make_keeper(
            self.seal,
            self.attributes,
            lifetimes,
            cookie_name=cookie_name,
            oversize=oversize,
            max_chunks=max_chunks,
            store=store,
            conflict=conflict,
            grace=grace,
            max_per_user=max_per_user,
            outage=outage,
            readers=readers,
        )
        self.store = self.keeper.store

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        outer: Session | None = environ.get(SESSION)
        if outer is not None and outer.is_open and outer.source == self.keeper.source:
            return self.call_app(environ, start_response)  # one cookie: the layer outside sends it
        session = environ[SESSION] = ServedSession(self.keeper, environ, start_response)
        context = session.context
        if context is not None and context.environ is not environ:  # a layer between has copied it
            context.environ[SESSION] = session
        try:
            body = self.call_app(environ, session.start_response)
        except BaseException:
            session.fail()
            raise
        if session.committed:
            return body
        return on_close(body, session.fail, environ=environ)  # it may start late, or never
