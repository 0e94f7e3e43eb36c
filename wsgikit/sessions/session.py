"""What ``session`` is: one visitor's data, and what can be done with the session as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import SessionError, SessionLocked, SessionUnavailable, SessionValueError
from .session_data import SessionData
from .store import user_of
from .stored_session import StoredSession

if TYPE_CHECKING:
    from .held_lock import HeldLock
    from .keeper import SessionKeeper

_PERMANENT = "_permanent"  # Flask's key
KEPT_IN_COOKIE = (
    "A session that is kept in its cookie can be neither locked nor bound to a user: there is "
    "nothing outside the browser to lock, list or revoke.\n\n"
    "Keep sessions in a store: SessionMiddleware(store=…)."
)
_MAX_USER_ID = 255  # characters: databases have a limit for what is in an index


def user_id_text(user_id: object) -> str | None:
    """The text that a user's id is kept as; None for what is none."""
    is_one = isinstance(user_id, (str, int)) and 0 < len(str(user_id)) <= _MAX_USER_ID
    return str(user_id) if is_one else None


class Session(SessionData):
    """One visitor's data, kept from request to request.

    :param load: returns what the request brought, or None; called at the first touch.
    :param keeper: where the session is kept.

    Reading, testing or iterating counts as access (``Vary: Cookie``). Changes are noticed also
    inside nested values. Once the headers have left, a change raises
    :class:`~wsgikit.errors.SessionCommitted` instead of being lost.
    """

    _lock: HeldLock | None = None
    failed = False
    """The layer's app call raised, so a retry needs a session of its own; or the commit did."""
    destroyed = False
    regenerated = False
    cleared = False
    owner_id: str | None = None
    """Whom this request has bound it to."""
    cookies: list[str] | None = None
    """The Set-Cookie values that go with what a store has been given already."""

    def __init__(
        self, load: Callable[[], StoredSession | None], keeper: SessionKeeper | None = None
    ) -> None:
        super().__init__(load)
        self._keeper = keeper

    @property
    def source(self) -> object:
        """Two layers with the same one would write one cookie twice."""
        return self._keeper.source if self._keeper is not None else None

    @property
    def is_open(self) -> bool:
        """Whether a change can still reach the visitor."""
        return not (self.committed or self.failed)

    @property
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser (``PERMANENT_SESSION_LIFETIME``)."""
        return bool(self._values.get(_PERMANENT, False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self[_PERMANENT] = bool(value)

    @property
    def created(self) -> float:
        """POSIX time, in seconds, of the first response of this session."""
        return self.stored.created if self.stored is not None else time.time()

    @property
    def key(self) -> str | None:
        """What the store keeps this session under: ``SessionStore.revoke_all(user, keep=…)``.

        None for one that is not in a store, or not yet. It is no secret: no cookie is made of it.
        """
        record = self.stored.record if self.stored is not None else None
        return None if record is None else record.successor or record.key

    @property
    def user_id(self) -> str | None:
        """Whom the session was bound to; None: nobody."""
        if self.owner_id is not None or self.stored is None or self._kept_in_cookies:
            return self.owner_id
        if self.cleared and not self:
            return None
        if self.stored.record is None:
            return self.stored.user_id
        return user_of(self.stored.record)

    @property
    def _kept_in_cookies(self) -> bool:
        return self._keeper is None or self._keeper.store is None

    def bind(self, user_id: str | int) -> None:
        """Note whose session it is, so that the store can list, revoke and cap a user's sessions.

        :raises SessionError: the session is kept in its cookie, where nothing can be listed.
        :raises SessionValueError: ``user_id`` is neither a str nor an int, empty, or too long.
        """
        self._touch()
        if self._kept_in_cookies:
            raise SessionError(KEPT_IN_COOKIE)
        text = user_id_text(user_id)
        if text is None:
            raise SessionValueError(
                f"A session cannot be bound to {user_id!r:.99}.\n\nGive the user's id as an int or "
                f"a str of up to {_MAX_USER_ID} characters; when a user logs out, call destroy()."
            )
        self.owner_id = text

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self and (self.user_id is None or self.cleared)

    @property
    def is_anew(self) -> bool:
        """Whether another user goes on with it, as whose it is no older than this request."""
        record = self.stored.record if self.stored is not None else None
        user_id = user_of(record) if record is not None else None
        return self.regenerated and self.owner_id not in (None, user_id)

    def clear(self) -> None:
        """Remove all values. When none is put back, the session ends with the response."""
        super().clear()
        self.cleared = True
        self.owner_id = None

    def regenerate(self) -> None:
        """Go on under a new id, and let the old one end: call it when a visitor logs in.

        For ``grace`` seconds requests that were sent with the old id see the old data, and what
        they change is kept; who had planted that id in the browser sees nothing of the login.
        """
        self._touch()
        self.regenerated = True

    def destroy(self) -> None:
        """End the session now, in the store too: call it when a visitor logs out.

        No request that is under way brings it back. What is written after this makes a new session.

        :raises SessionUnavailable: the store does not answer, so it is not ended.
        """
        self._check_writable()
        stored = self.stored
        if self._keeper is not None and stored is not None:
            self._asked(self._keeper.destroy, stored)
        self.unlock()
        self._loaded = [({}, None)]
        self._modified = self._lent = self.regenerated = False
        self.owner_id = None
        self.destroyed = True

    def lock(self, wait: float = 5.0, hold: float = 30.0) -> None:
        """Keep other requests that call this out until the response starts, and read it afresh.

        For what cannot be merged, such as a counter or a cart. Call it before the first change. A
        new session has nobody to keep out.

        :param wait: seconds, at most, that this request waits for another one's lock.
        :param hold: seconds after which the lock ends by itself. Whoever is still at work then gets
            a ``SessionConflict`` if another request has changed the same values.
        :raises SessionLocked: ``wait`` is over; 503.
        :raises SessionError: the session is kept in its cookie, or was changed already.
        """
        self._check_writable()
        if self.modified:
            raise SessionError("Lock the session before the first change: it is read afresh.")
        if self._keeper is not None and self._lock is None:
            self._lock = self._asked(self._keeper.lock, self.stored, wait, hold)
            self._loaded, self._lent = [], False

    def _asked(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except (SessionUnavailable, SessionLocked) as error:
            self._refuse(error)

    @property
    def locked(self) -> bool:
        """Whether this request has the session's lock."""
        return self._lock is not None

    def unlock(self) -> None:
        """Give the lock back; done by itself when the response starts or the request fails."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def give_up(self) -> None:
        """Keep nothing of it: the request, or the commit, has failed."""
        self.failed = True
        self.unlock()
