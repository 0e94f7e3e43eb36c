"""Sessions that are kept in a store; the visitor's cookie holds no more than an id."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import Any

from ..errors import SessionError, SessionLocked, SessionTooLarge, SessionUnavailable
from .circuit import Circuit
from .codec import Unsealed
from .conflicts import Conflicts
from .cookie import SessionCookie
from .cookie_keeper import CookieKeeper
from .foreign import ForeignCookies
from .held_lock import HeldLock
from .keeper import SessionKeeper
from .lifetimes import Lifetimes
from .outage import RESUMED, Outage
from .session import Session
from .store import Owner, Record, SessionGone, SessionStore, key_of, new_id
from .store_commit import StoreCommit
from .stored_session import StoredSession
from .values import join_values, tagged_json
from .visitor import Visitor

logger = logging.getLogger("wsgikit.session")

_MAX_AGENT = 256  # characters that are kept of a User-Agent header


class StoreKeeper(SessionKeeper):
    """Keep the data of each session in a store, under the SHA-256 of the id in its cookie.

    :param small: keeps those in their cookies that fit it, and are bound to no user.
    """

    def __init__(
        self,
        cookie: SessionCookie,
        lifetimes: Lifetimes,
        foreign: ForeignCookies,
        store: SessionStore,
        source: object,
        conflicts: Conflicts,
        outage: Outage,
        *,
        grace: float,
        max_per_user: int | None,
        small: CookieKeeper | None,
    ) -> None:
        self.source: object = source
        self._cookie = cookie
        self._lifetimes = lifetimes
        self._foreign = foreign
        self.store: SessionStore = store
        self._conflicts = conflicts
        self._outage = outage
        self._grace = grace
        self._max_per_user = max_per_user
        self._small = small
        self._call = Circuit().call

    def load(self, visitor: Visitor) -> StoredSession | None:
        try:
            stored = self._load(visitor)
        except SessionUnavailable as error:
            return self._outage.stand_in(visitor, error)
        return self._outage.resume(visitor, stored)

    def _load(self, visitor: Visitor) -> StoredSession | None:
        superseded = []

        def take(opened: Unsealed) -> StoredSession | None:
            stored = self.open(opened)
            if stored is None or not stored.is_superseded:
                return stored
            superseded.append(stored)
            return None  # another cookie may bring what goes on

        stored = self._cookie.open(visitor, take)
        return stored or next(iter(superseded), None) or self._foreign.load(visitor)

    def open(self, opened: Unsealed) -> StoredSession | None:
        """The session whose id a cookie holds. An id that the store does not know is never used."""
        if not opened.text.startswith('"'):
            return self._small.open(opened) if self._small is not None else None
        session_id = json.loads(opened.text)
        record = self._call(self.store.load, key_of(session_id))
        if record is None or self._lifetimes.is_over(record.created):
            return None
        if record.successor is not None and self._call(self.store.latest, record.successor) is None:
            return None  # the session that went on under a new id has ended, and so has its old id
        marks = [name for name in record.values if name.startswith(RESUMED)]
        resumed = {name: float(record.values[name]) for name in marks}
        data = _load_values(record)
        record = record._replace(values={name: record.values[name] for name in data})
        return StoredSession(
            data,
            join_values(record.values),
            opened.issued_at,
            opened.outdated,
            record.created,
            session_id,
            record,
            resumed=resumed,
        )

    def commit(self, session: Session, visitor: Visitor) -> list[str]:
        try:
            if session.stored is not None and session.stored.outage is not None:
                raise session.stored.outage
            cookies = self._commit(session, visitor)
        except SessionUnavailable as error:
            return self._outage.keep(session, visitor, error)
        return [*cookies, *self._outage.expire(visitor)]

    def _commit(self, session: Session, visitor: Visitor) -> list[str]:
        stored = session.stored
        if stored is None or stored.record is None:
            return self._commit_new(session, visitor)
        if session.cleared and session.is_empty and self._end_cleared(stored.record):
            return self.expire(visitor)
        try:
            return self._write(session, stored, stored.record, visitor)
        except SessionGone:
            logger.warning("a session ended while a request was changing it: no change was kept")
            return []

    def _end_cleared(self, record: Record) -> bool:
        """Delete a session, unless it is nobody's and another request has put something into it."""
        version = record.version if record.owner is None else None
        return self._call(self.store.delete, record.key, expected_version=version)

    def _write(
        self, session: Session, stored: StoredSession, record: Record, visitor: Visitor
    ) -> list[str]:
        session_id = stored.session_id
        owner = _owner_of(session.owner_id, visitor)
        ttl = self._lifetimes.ttl(time.time() if session.is_anew else stored.created)
        commit = StoreCommit(
            self.store, self._call, self._conflicts, session, stored, record, ttl=ttl, owner=owner
        )
        if session.regenerated:
            session_id = commit.rotate(self._grace) or session_id
        elif commit.changes or owner is not None:
            commit.write()
        elif self._lifetimes.is_due(record.last_seen):
            self._touch(commit.key, ttl)
        self._cap(owner)
        is_known = session_id == stored.session_id
        if is_known and (commit.moved or not self._is_cookie_due(session, stored, commit)):
            return []
        return self._cookie_of(session_id, session, visitor)

    def _touch(self, key: str, ttl: float) -> None:
        # What the page has read is no less true when this fails.
        with suppress(SessionUnavailable, SessionLocked):
            self._call(self.store.touch, key, ttl=ttl)

    def _is_cookie_due(self, session: Session, stored: StoredSession, commit: StoreCommit) -> bool:
        """Whether the browser is to keep the same id anew, or for another time."""
        if stored.outdated or "_permanent" in commit.changes:
            return True
        return session.permanent and self._lifetimes.is_due(stored.issued_at)

    def _commit_new(self, session: Session, visitor: Visitor) -> list[str]:
        if self._small is not None and session.user_id is None and not session.is_resumed:
            with suppress(SessionTooLarge):
                return self._small.commit(session, visitor)
        return self._create(session, visitor)

    def _create(self, session: Session, visitor: Visitor) -> list[str]:
        if session.is_empty:
            had_one = session.destroyed or session.stored is not None
            return self.expire(visitor) if had_one else []
        session_id, owner = new_id(), _owner_of(session.user_id, visitor)
        key, created = key_of(session_id), session.created
        ttl = self._lifetimes.ttl(created)
        self._call(self.store.create, key, session.texts, ttl=ttl, owner=owner, created=created)
        self._cap(owner)
        return [*self._foreign.expire(visitor), *self._cookie_of(session_id, session, visitor)]

    def _cap(self, owner: Owner | None) -> None:
        """End those sessions of a user that were not seen for longest, if there are too many."""
        if owner is None or self._max_per_user is None:
            return
        records = self._call(lambda: list(self.store.iterate(owner.user_id)))
        # Also this one, if another login was later: two at once must not end each other.
        by_age = sorted((record.last_seen, record.key) for record in records)
        for _, key in by_age[: -self._max_per_user]:
            self._call(self.store.delete, key)

    def _cookie_of(self, session_id: str | None, session: Session, visitor: Visitor) -> list[str]:
        max_age = self._lifetimes.max_age if session.permanent else None
        return self._cookie.write(json.dumps(session_id), max_age=max_age, visitor=visitor)

    def expire(self, visitor: Visitor) -> list[str]:
        return [
            *self._cookie.expire(visitor),
            *self._foreign.expire(visitor),
            *self._outage.expire(visitor),
        ]

    def destroy(self, stored: StoredSession) -> None:
        if stored.outage is not None:
            raise stored.outage
        if stored.record is not None:
            self._call(self.store.delete, stored.record.key)

    def lock(self, stored: StoredSession | None, wait: float, hold: float) -> HeldLock | None:
        if stored is None:
            return None
        if stored.outage is not None:
            raise stored.outage
        if stored.record is None:
            raise SessionError(
                "This session is still in its cookie, where it cannot be locked.\n\n"
                "Keep all sessions in the store: leave oversize='spill' out."
            )
        return HeldLock(self.store, self._call, stored.record.key, wait=wait, hold=hold)


def _load_values(record: Record) -> dict[str, Any]:
    """The values that can be read here. The others are neither seen nor changed."""
    data = {}
    for name, text in record.values.items():
        if name.startswith(RESUMED):
            continue
        try:
            data[name] = tagged_json.loads(text)
        except ValueError as error:  # a type that only another release of the app has registered
            logger.error("session[%r] is left alone: %s", name, error)
    return data


def _owner_of(user_id: str | None, visitor: Visitor) -> Owner | None:
    if user_id is None:
        return None
    return Owner(user_id, visitor.address, visitor.user_agent[:_MAX_AGENT])
