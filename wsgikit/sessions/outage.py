"""What visitors get while the session store does not answer."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Literal, NamedTuple

from ..errors import SessionTooLarge, SessionUnavailable
from .codec import Unsealed
from .cookie import SessionCookie
from .options import checked_choice
from .session import Session
from .store import key_of
from .stored_session import StoredSession
from .values import join_values, tagged_json
from .visitor import Visitor

OutagePolicy = Literal["unavailable", "empty", "cookie"]

RESUMED = "_resumed:"
"""Begins the names of the values that say which changes a session has got, by the browser that
has brought them: a parallel request of it brings them again."""

MAX_AGE = 3600  # seconds that changes wait in a cookie: who has kept one may bring it back


class Pending(NamedTuple):
    """Changes that the store has not got yet."""

    key: str | None
    """Of the session that they belong to; None: the visitor had none."""
    values: Mapping[str, str | None]
    """The JSON texts by name; None: deleted."""
    issued_at: float
    """POSIX time, in seconds: the cookie's own time has no fractions."""
    browser: str
    """What tells the browser from others that have the same session."""

    @property
    def mark(self) -> str:
        """The name of the value that says that the session has got them."""
        return RESUMED + self.browser


def _begin(key: str | None) -> Pending:
    return Pending(key, {}, time.time(), secrets.token_hex(8))


class Outage:
    """The policy: ``"unavailable"``, ``"empty"`` or ``"cookie"``. See ``SessionMiddleware``.

    :param cookie: the session's own.
    :param pending_cookie: holds the changes meanwhile, sealed: a ``Pending`` as JSON.
    """

    def __init__(
        self,
        policy: OutagePolicy,
        cookie: SessionCookie,
        pending_cookie: SessionCookie,
    ) -> None:
        self._policy = checked_choice("outage", policy, ("unavailable", "empty", "cookie"))
        self._cookie = cookie
        self._pending_cookie = pending_cookie

    def stand_in(self, visitor: Visitor, error: SessionUnavailable) -> StoredSession:
        """What the request's session is, when the store could not be asked for it."""
        if self._policy == "unavailable":
            raise error
        if self._policy == "empty":
            return _stored({})._replace(outage=error)
        pending = self._pending(visitor) or _begin(self._cookie.open(visitor, _open_key))
        return _stored(pending.values)._replace(outage=error, pending=pending)

    def resume(self, visitor: Visitor, stored: StoredSession | None) -> StoredSession | None:
        """The session with what waits in the cookie for it, now that the store answers."""
        pending = self._pending(visitor)
        if pending is None:
            return stored
        if stored is None:
            return (
                _stored(pending.values)._replace(pending=pending) if pending.key is None else None
            )
        if stored.record is None or pending.key != stored.record.key:
            return stored
        if stored.resumed.get(pending.mark, 0.0) >= pending.issued_at:
            return stored  # another request has brought them, and they may have changed since
        data = {k: v for k, v in stored.data.items() if k not in pending.values}
        data |= _stored(pending.values).data
        return stored._replace(data=data, pending=pending)

    def keep(self, session: Session, visitor: Visitor, error: SessionUnavailable) -> list[str]:
        """Keep what the request has changed in the cookie; return the Set-Cookie values.

        :raises SessionUnavailable: there is something to be kept, and the policy is another one.
        """
        if not session.modified:
            return []
        if self._policy != "cookie" or session.owner_id is not None:
            raise error
        pending = self._pending_of(session)
        if session.regenerated and pending.key is not None:
            raise error  # under the old id the changes are not to go on
        text = json.dumps(pending)
        try:
            return self._pending_cookie.write(text, max_age=None, visitor=visitor)
        except SessionTooLarge:
            raise error from None

    def _pending_of(self, session: Session) -> Pending:
        stored = session.stored
        if stored is None:
            return _begin(None)._replace(values=session.texts)
        base = stored.record.values if stored.record is not None else {}
        waiting = stored.pending or _begin(session.key)
        names = {*base, *waiting.values, *session}
        texts = session.texts
        changed = {n: texts.get(n) for n in names if n not in texts or texts[n] != base.get(n)}
        return waiting._replace(values=changed, issued_at=time.time())

    def expire(self, visitor: Visitor) -> list[str]:
        """The Set-Cookie values that make the browser forget what the store has got by now."""
        if self._policy == "cookie" and self._pending_cookie.is_in(visitor):
            return self._pending_cookie.expire(visitor)
        return []

    def _pending(self, visitor: Visitor) -> Pending | None:
        if self._policy != "cookie":
            return None
        return self._pending_cookie.open(visitor, _open_pending)


def _open_pending(opened: Unsealed) -> Pending | None:
    is_over = time.time() - opened.issued_at > MAX_AGE
    return None if is_over else Pending(*json.loads(opened.text))


def _open_key(opened: Unsealed) -> str | None:
    return key_of(json.loads(opened.text)) if opened.text.startswith('"') else None


def _stored(values: Mapping[str, str | None]) -> StoredSession:
    texts = {name: text for name, text in values.items() if text is not None}
    data = {name: tagged_json.loads(text) for name, text in texts.items()}
    now = time.time()
    return StoredSession(data, join_values(texts), now, False, now)
