"""A session in a pipeline: opened from the visitor's cookies, kept when the response starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIEnvironment

from ..environ import CONTEXT
from ..lifecycle import Headers
from ..vary import add_vary, keep_cookie_private
from .keeper import SessionKeeper
from .session import Session
from .stored_session import StoredSession
from .visitor import Visitor

if TYPE_CHECKING:
    from ..served_request import ServedRequest


class ServedSession(Session):
    """The session that ``SessionMiddleware`` opens, and what becomes of it.

    :param keeper: where the session is kept.
    :param environ: of the request; what the app does to it later does not count.
    :param server_start: the ``start_response`` that the layer was given.
    """

    def __init__(
        self, keeper: SessionKeeper, environ: WSGIEnvironment, server_start: StartResponse
    ) -> None:
        self._loaded = []
        self.touched = self.committed = False
        self._keeper: SessionKeeper = keeper
        self._server_start = server_start
        self._cookies_sent = environ.get("HTTP_COOKIE", "")
        self._https = environ["wsgi.url_scheme"] == "https"
        self._address = environ.get("REMOTE_ADDR", "")
        self._user_agent = environ.get("HTTP_USER_AGENT", "")
        self._who: Visitor | None = None
        self.context: ServedRequest | None = environ.get(CONTEXT)

    @property
    def _visitor(self) -> Visitor:
        if self._who is None:
            self._who = Visitor(self._cookies_sent, self._https, self._address, self._user_agent)
        return self._who

    def _load(self) -> StoredSession | None:
        return self._keeper.load(self._visitor)

    def start_response(
        self, status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Keep the session, add what the browser needs to the headers, and start the response."""
        if self.touched or (self.context is not None and self.context.owed_headers):
            headers = list(headers)  # the app's own, which it may use for all of its responses
            self._commit(status, headers)
        self.committed = True
        if exc_info is None:
            return self._server_start(status, headers)
        return self._server_start(status, headers, exc_info)

    def fail(self, outcome: BaseException | None = None) -> None:
        """Keep nothing of a request that has sent no headers through the layer."""
        if not self.committed:
            self.give_up()
            if self.destroyed and self.context is not None:  # an error's page is made further out
                cookies = self._keeper.expire(self._visitor)
                self.context.owe(self.source, [("Set-Cookie", cookie) for cookie in cookies])

    def _commit(self, status: str, headers: Headers) -> None:
        try:
            cookies = self._cookies(status)
        finally:
            self.committed = True
            self.unlock()
        if cookies:
            headers.extend([("Set-Cookie", cookie) for cookie in cookies])
            keep_cookie_private(headers)
        if self._loaded:
            add_vary(headers, "Cookie")
        if self.context is not None:
            self._owe(self.context, cookies)

    def _owe(self, context: ServedRequest, cookies: list[str]) -> None:
        """Tell the context what also an error's page needs, which may yet be made outside."""
        if not (self.cookies or self.destroyed):
            cookies = []
        if cookies or context.owed_headers:
            context.owe(self.source, [("Set-Cookie", cookie) for cookie in cookies])
            context.owes_nothing_now = True

    def _cookies(self, status: str) -> list[str]:
        if self.cookies is not None or self.failed:  # a second start, for an error's page
            return self.cookies or []
        if status.startswith("5"):
            return self._cookies_of_failure(status)
        if not self.accessed:
            return []
        try:
            cookies = self._keeper.commit(self, self._visitor)
        except BaseException:
            self.give_up()
            raise
        if self._keeper.store is not None:
            self.cookies = cookies
        return cookies

    def _cookies_of_failure(self, status: str) -> list[str]:
        if self.failure is not None and status.startswith("500"):
            raise self.failure  # a wrapped framework has taken it for an error of its own
        return self._keeper.expire(self._visitor) if self.destroyed else []
