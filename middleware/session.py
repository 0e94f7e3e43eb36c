"""Opens the visitor's session, and keeps it when the response starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from wsgikit.closing import on_close
from wsgikit.environ import CONTEXT, SESSION
from wsgikit.lifecycle import Headers, on_start
from wsgikit.request_context import RequestContext
from wsgikit.sessions import CookieReader, Session, SessionStore
from wsgikit.sessions.chunks import MAX_CHUNKS
from wsgikit.sessions.conflicts import Policies
from wsgikit.sessions.cookie import CookieAttributes, SameSite
from wsgikit.sessions.lifetimes import Duration, Lifetimes
from wsgikit.sessions.make_keeper import Oversize, make_keeper
from wsgikit.sessions.outage import OutagePolicy
from wsgikit.sessions.seal import Seal
from wsgikit.sessions.visitor import Visitor
from wsgikit.vary import add_vary, keep_cookie_private


class SessionMiddleware:
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
        self.app = app
        lifetimes = Lifetimes(max_age, refresh_interval, absolute_lifetime)
        self.max_age = lifetimes.max_age
        self.keeper = make_keeper(
            Seal(secret_key, secret_key_fallbacks, encrypted=encrypted),
            CookieAttributes(path, domain, secure, http_only, same_site, partitioned),
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
            return self.app(environ, start_response)  # one cookie: the layer outside sends it
        visitor = Visitor.of(environ)
        load = partial(self.keeper.load, visitor)
        session = environ[SESSION] = Session(load, self.keeper)
        context: RequestContext | None = environ.get(CONTEXT)
        if context is not None:  # a layer between may have copied the environ
            context.environ[SESSION] = session
        commit = partial(self._commit, session, visitor, context)
        fail = partial(self._fail, session, visitor, context)
        try:
            body = self.app(environ, on_start(start_response, commit))
        except BaseException:
            fail()
            raise
        if session.committed:
            return body
        return on_close(body, fail, environ=environ)  # it may start late, or never

    def _fail(
        self,
        session: Session,
        visitor: Visitor,
        context: RequestContext | None,
        outcome: BaseException | None = None,
    ) -> None:
        """Keep nothing of a request that has sent no headers through this layer."""
        if not session.committed:
            session.give_up()
            if session.destroyed and context is not None:  # an error's page is made further out
                cookies = self.keeper.expire(visitor)
                context.owe(self.keeper.source, [("Set-Cookie", cookie) for cookie in cookies])

    def _commit(
        self,
        session: Session,
        visitor: Visitor,
        context: RequestContext | None,
        status: str,
        headers: Headers,
    ) -> None:
        try:
            cookies = self._cookies(session, visitor, status)
        finally:
            session.committed = True
            session.unlock()
        added = [("Set-Cookie", cookie) for cookie in cookies]
        headers.extend(added)
        if context is not None:  # an error that is yet to come may have a page made further out
            context.owe(self.keeper.source, added if session.cookies or session.destroyed else [])
            context.owes_nothing_now = True
        if cookies:
            keep_cookie_private(headers)
        if session.accessed:
            add_vary(headers, "Cookie")

    def _cookies(self, session: Session, visitor: Visitor, status: str) -> list[str]:
        if session.cookies is not None or session.failed:  # a second start, for an error's page
            return session.cookies or []
        if status.startswith("5"):
            return self._cookies_of_failure(session, visitor, status)
        if not session.accessed:
            return []
        try:
            cookies = self.keeper.commit(session, visitor)
        except BaseException:
            session.give_up()
            raise
        if self.store is not None:
            session.cookies = cookies
        return cookies

    def _cookies_of_failure(self, session: Session, visitor: Visitor, status: str) -> list[str]:
        if session.failure is not None and status.startswith("500"):
            raise session.failure  # a wrapped framework has taken it for an error of its own
        return self.keeper.expire(visitor) if session.destroyed else []
