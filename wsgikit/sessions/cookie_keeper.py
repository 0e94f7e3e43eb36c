"""Sessions that are kept whole in the visitor's cookie."""

from __future__ import annotations

import logging

from ..errors import SessionTooLarge
from .codec import Unsealed
from .cookie import SessionCookie
from .foreign import ForeignCookies
from .keeper import SessionKeeper
from .lifetimes import Lifetimes
from .session import Session
from .stored_session import StoredSession
from .values import tagged_json
from .visitor import Visitor

logger = logging.getLogger("wsgikit.session")


class CookieKeeper(SessionKeeper):
    """Keep the data of each session in its cookie: ``[created, {values}]``, sealed.

    :param keeps_former: let the visitor keep the session from before this request, and log an
        error, instead of raising ``SessionTooLarge``.
    """

    def __init__(
        self,
        cookie: SessionCookie,
        lifetimes: Lifetimes,
        foreign: ForeignCookies,
        *,
        keeps_former: bool = False,
    ) -> None:
        self.source: object = cookie.source
        self._cookie = cookie
        self._lifetimes = lifetimes
        self._foreign = foreign
        self._keeps_former = keeps_former

    def load(self, visitor: Visitor) -> StoredSession | None:
        return self._cookie.open(visitor, self.open) or self._foreign.load(visitor)

    def open(self, opened: Unsealed) -> StoredSession | None:
        """The session that a cookie holds, unless it is over, or is kept elsewhere."""
        begin, _, text = opened.text[1:-1].partition(",")
        try:
            created, data = float(begin), tagged_json.loads(text)
        except ValueError:
            return None
        if type(data) is not dict or self._lifetimes.is_over(created, opened.issued_at):
            return None
        return StoredSession(data, text, opened.issued_at, opened.outdated, created)

    def commit(self, session: Session, visitor: Visitor) -> list[str]:
        stored = session.stored
        if stored is None:
            if session:
                return self._write(session, visitor)
            return self.expire(visitor) if session.destroyed else []
        if not session:
            return self.expire(visitor) if session.modified or stored.outdated else []
        if session.modified or stored.outdated or self._lifetimes.is_due(stored.issued_at):
            return self._write(session, visitor)
        return []

    def _write(self, session: Session, visitor: Visitor) -> list[str]:
        text = f"[{int(session.created)},{session.text}]"
        max_age = self._lifetimes.max_age if session.permanent else None
        try:
            cookies = self._cookie.write(text, max_age=max_age, visitor=visitor)
        except SessionTooLarge as error:
            message = f"{error} {describe_sizes(session)}"
            if session.modified and not self._keeps_former:
                raise SessionTooLarge(message) from error
            logger.error("%s The visitor keeps the session as it was.", message)
            return self.expire(visitor) if session.destroyed else []
        return self._foreign.expire(visitor) + cookies

    def expire(self, visitor: Visitor) -> list[str]:
        return [*self._foreign.expire(visitor), *self._cookie.expire(visitor)]

    def destroy(self, stored: StoredSession) -> None:
        """Nothing: the browser has all of it, and is told to forget it."""


def describe_sizes(session: Session) -> str:
    """Which keys to keep elsewhere."""
    sizes = {name: len(text) for name, text in session.texts.items()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
    named = ", ".join(f"{name!r} ({sizes[name]} characters)" for name in largest)
    return (
        f"The largest keys are {named}. Keep large values elsewhere and only their id in the "
        "session, or the whole session in a store: SessionMiddleware(store=…)."
    )
