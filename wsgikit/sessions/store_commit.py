"""Brings what one request has made of a stored session into its store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import SessionConflict
from .conflicts import Conflicts
from .outage import MAX_AGE, Pending
from .session import Session
from .store import Change, Owner, Record, SessionGone, SessionStore, key_of, new_id
from .stored_session import StoredSession

_TRIES = 4  # of a merge that a function of the user makes, which others may always come before


class StoreCommit:
    """One session's commit.

    :param call: what the store's methods are called by.
    :param stored: the session as this request has read it.
    :param record: what the store had of it.
    :param ttl: seconds that the session lives on.
    :param owner: whom this request has bound it to.
    """

    def __init__(
        self,
        store: SessionStore,
        call: Callable[..., Any],
        conflicts: Conflicts,
        session: Session,
        stored: StoredSession,
        record: Record,
        *,
        ttl: float,
        owner: Owner | None,
    ) -> None:
        self._store = store
        self._call = call
        self._conflicts = conflicts
        self._session = session
        self._record = record
        self._ttl = ttl
        self._owner = owner
        self._owner_to_set = owner
        self.key = record.key
        self.changes: dict[str, Change] = {}
        if session.modified or stored.pending is not None:
            self.changes = conflicts.changes(session, record.values)
        if stored.pending is not None:
            self._mark_resumed(stored, stored.pending)
        self._version = record.version
        if record.successor is not None:
            self._follow(record.successor)

    def _mark_resumed(self, stored: StoredSession, pending: Pending) -> None:
        """Note that the session gets what an outage has kept back, and forget what is long over."""
        over = [mark for mark, at in stored.resumed.items() if time.time() - at > MAX_AGE]
        self.changes |= {mark: Change(None, None) for mark in over}
        self.changes[pending.mark] = Change(None, repr(pending.issued_at))

    @property
    def moved(self) -> bool:
        """Whether the session goes on under an id that another request's response has brought."""
        return self.key != self._record.key

    def write(self) -> None:
        """Make the changes.

        :raises SessionConflict: the policy says so, or others came first every time.
        :raises SessionGone: the session has ended meanwhile.
        """
        for _ in range(_TRIES):
            current = self._call(
                self._store.commit,
                self.key,
                self.changes,
                expected_version=self._version,
                ttl=self._ttl,
                owner=self._owner_to_set,
            )
            if current is None:
                return
            self._prepare_next(current)
        raise SessionConflict

    def rotate(self, grace: float) -> str | None:
        """Make the changes in a session of a new id, and return the id.

        :param grace: seconds that the old id still counts.
        :return: None when another request has rotated it: nobody gets an id of it for an old one.
        :raises: as :meth:`write`.
        """
        session_id = new_id()
        for _ in range(_TRIES):
            if self.moved:
                self.write()
                return None
            if self._rotate(key_of(session_id), grace):
                self.key = key_of(session_id)
                return session_id
        raise SessionConflict

    def _rotate(self, new_key: str, grace: float) -> bool:
        current = self._call(
            self._store.rotate,
            self.key,
            new_key,
            self.changes,
            expected_version=self._version,
            ttl=self._ttl,
            grace=grace,
            owner=self._owner,
        )
        if current is not None:
            self._prepare_next(current)
        return current is None

    def _prepare_next(self, current: Record) -> None:
        if current.successor is not None:
            self._follow(current.successor)
            return
        self._version = current.version
        locked = self._session.locked
        self.changes = self._conflicts.settle(self.changes, current, locked=locked)

    def _follow(self, successor: str) -> None:
        """Go on with the successor, where an old id brings in what is new and replaces nothing."""
        if self._session.locked:
            raise SessionConflict  # the lock was that of the old id
        record: Record | None = self._call(self._store.latest, successor)
        if record is None:
            raise SessionGone(successor)
        self.key = record.key
        if record.owner is not None:
            self._owner_to_set = None
        for name, change in self.changes.items():
            if change.on_conflict == "mine":
                self.changes[name] = change._replace(on_conflict="theirs")
        self._version = -1
