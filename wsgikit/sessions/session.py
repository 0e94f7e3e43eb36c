"""The mapping behind ``session``: loaded at first touch, and it knows whether it changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SessionCommitted, SessionError, SessionUnavailable, SessionValueError
from .values import dump_values, join_values

if TYPE_CHECKING:
    from .held_lock import HeldLock
    from .keeper import SessionKeeper
    from .outage import Pending
    from .store import Record

_PERMANENT = "_permanent"  # Flask's key


class StoredSession(NamedTuple):
    """What a request brought."""

    data: dict[str, Any]
    text: str
    """All of the data as JSON, to be compared with at the end of the request."""
    issued_at: float
    """POSIX time, in seconds, of the cookie's signature."""
    outdated: bool
    """The cookie is to be written anew: it was signed with an old key, or by another framework."""
    created: float = 0.0
    """POSIX time, in seconds."""
    session_id: str | None = None
    """What the cookie holds when the data are in a store."""
    record: Record | None = None
    """What the store holds."""
    outage: SessionUnavailable | None = None
    """The store does not answer, and this stands in for what it would have brought."""
    pending: Pending | None = None
    """Changes that have waited in the visitor's cookie for the store to answer again."""


class Session(MutableMapping[str, Any]):
    """One visitor's data, kept from request to request.

    :param load: returns what the request brought, or None; called at the first touch.

    Reading, testing or iterating counts as access (``Vary: Cookie``). Changes are noticed also
    inside nested lists and dicts. Once the headers have left, setting or deleting a key raises
    :class:`~wsgikit.errors.SessionCommitted` instead of being lost.
    """

    __slots__ = (
        "_keeper",
        "_lent",
        "_load",
        "_loaded",
        "_lock",
        "_modified",
        "committed",
        "cookies",
        "destroyed",
        "failed",
        "failure",
        "owner_id",
        "regenerated",
        "source",
    )

    def __init__(
        self,
        load: Callable[[], StoredSession | None],
        source: object = None,
        keeper: SessionKeeper | None = None,
    ) -> None:
        self._load = load
        self._keeper = keeper
        self.source = source
        # The first item counts. Threads that touch the session at the same time each append what
        # they loaded, which is atomic: none can replace the data that another has written to.
        self._loaded: list[tuple[dict[str, Any], StoredSession | None]] = []
        self._modified = False
        self._lent = False  # a mutable value was handed out and may change behind our back
        self.committed = False
        self.failed = False  # the layer's app call raised: a retry needs a session of its own
        self.failure: SessionUnavailable | None = None  # so the session could not be loaded
        self.destroyed = False
        self.regenerated = False
        self.owner_id: str | None = None
        self.cookies: list[str] | None = None  # what a store has been changed for is to be sent
        self._lock: HeldLock | None = None

    @property
    def _values(self) -> dict[str, Any]:
        return self._first_load()[0]

    def _first_load(self) -> tuple[dict[str, Any], StoredSession | None]:
        if not self._loaded:
            stored = self._load_stored()
            self._loaded.append((stored.data if stored is not None else {}, stored))
        return self._loaded[0]

    def _load_stored(self) -> StoredSession | None:
        try:
            return self._load()
        except SessionUnavailable as error:
            self.failure = error
            raise

    @property
    def is_resumed(self) -> bool:
        """Whether it has changes that an outage has kept from the store until now."""
        return self.stored is not None and self.stored.pending is not None

    @property
    def is_open(self) -> bool:
        """Whether a change can still reach the visitor."""
        return not (self.committed or self.failed)

    @property
    def accessed(self) -> bool:
        """Whether anything of this session was read or written in this request."""
        return bool(self._loaded)

    @property
    def stored(self) -> StoredSession | None:
        """What the request brought; None for a new visitor, or a cookie that does not verify."""
        return self._first_load()[1]

    @property
    def new(self) -> bool:
        """Whether this request brought no valid session."""
        return self.stored is None

    @property
    def modified(self) -> bool:
        """Whether the data differ from what the request brought. Set it True to force a write."""
        return self._modified or (self._lent and self._differs())

    @modified.setter
    def modified(self, value: bool) -> None:
        self._touch()
        self._modified = value

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
        if self.owner_id is not None or self.stored is None or self.stored.record is None:
            return self.owner_id
        owner = self.stored.record.owner
        return owner.user_id if owner is not None else None

    def bind(self, user_id: str | int) -> None:
        """Note whose session it is, so that the store can list, revoke and cap a user's sessions.

        :raises SessionError: the session is kept in its cookie, where nothing can be listed.
        """
        self._touch()
        if self._keeper is None or not self._keeper.has_store:
            raise SessionError(
                "A session that is kept in its cookie cannot be bound to a user: no one could list "
                "or revoke it.\n\nKeep sessions in a store: SessionMiddleware(store=…)."
            )
        self.owner_id = str(user_id)

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
            self._keeper.destroy(stored)
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
        if self._keeper is None or not self._keeper.has_store:
            raise SessionError(
                "A session that is kept in its cookie cannot be locked.\n\n"
                "Keep sessions in a store: SessionMiddleware(store=…)."
            )
        self._check_writable()
        if self.modified:
            raise SessionError("Lock the session before the first change: it is read afresh.")
        if self._lock is None and self.stored is not None:
            self._lock = self._keeper.lock(self.stored, wait, hold)
            self._loaded, self._lent = [], False

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
        """Keep nothing of it any more: the request, or the commit, has failed."""
        self.failed = True
        self.unlock()

    @property
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser (``PERMANENT_SESSION_LIFETIME``)."""
        return bool(self._values.get(_PERMANENT, False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self[_PERMANENT] = bool(value)

    @property
    def text(self) -> str:
        """The data as JSON.

        :raises SessionValueError: names the key whose value JSON cannot hold.
        """
        return join_values(self.texts)

    @property
    def texts(self) -> dict[str, str]:
        """The JSON text of each value, by name.

        :raises SessionValueError: as :attr:`text`.
        """
        return dump_values(self._values)

    def _differs(self) -> bool:
        return self.stored is None or self.text != self.stored.text

    def _check_writable(self) -> None:
        if self.committed:
            raise SessionCommitted(
                "The session was changed after the response's headers had left, so the change "
                "could not reach the visitor.\n\nChange it before the response starts: in a "
                "generator, before the first yield."
            )
        stored = self.stored
        if stored is not None and stored.outage is not None and stored.pending is None:
            raise stored.outage

    def _touch(self) -> dict[str, Any]:
        self._check_writable()
        values = self._values
        self._modified = True
        return values

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if isinstance(value, (list, dict)):
            self._lent = True
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise SessionValueError(f"A session key is a str, not {type(key).__name__}: {key!r}")
        self._touch()[key] = value

    def __delitem__(self, key: str) -> None:
        if key not in self._values:
            raise KeyError(key)
        del self._touch()[key]

    def __ior__(self, other: Mapping[str, Any]) -> Session:
        self.update(other)
        return self

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Session {self._values!r}>" if self.accessed else "<Session, not loaded>"
