"""What a session layer asks of the place where sessions are kept: the cookie, a store, or both."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..errors import SessionError
from .held_lock import HeldLock
from .session import KEPT_IN_COOKIE, Session
from .store import SessionStore
from .stored_session import StoredSession
from .visitor import Visitor


class SessionKeeper(ABC):
    """Loads a session when it is first touched, and commits it when the response starts."""

    store: SessionStore | None = None
    source: object
    """Two layers with the same one would write one cookie twice."""

    @abstractmethod
    def load(self, visitor: Visitor) -> StoredSession | None:
        """The session that the request's cookies bring, or None."""

    @abstractmethod
    def commit(self, session: Session, visitor: Visitor) -> list[str]:
        """Keep a session that was used in a request; return the Set-Cookie values to send."""

    @abstractmethod
    def expire(self, visitor: Visitor) -> list[str]:
        """The Set-Cookie values that make the browser forget the session."""

    @abstractmethod
    def destroy(self, stored: StoredSession) -> None:
        """End a session at once, where it is kept outside of the browser."""

    def lock(self, stored: StoredSession | None, wait: float, hold: float) -> HeldLock | None:
        """Take a session's exclusive lock; None for a new one, which nobody else has."""
        raise SessionError(KEPT_IN_COOKIE)
