"""What a server-side store of sessions does, in one small interface."""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple


class Owner(NamedTuple):
    """Whose session it is, as ``session.bind`` noted it."""

    user_id: str
    address: str = ""
    """Of the client that logged in: the environ's ``REMOTE_ADDR``."""
    user_agent: str = ""


class Record(NamedTuple):
    """One session as a store keeps it."""

    key: str
    """The SHA-256 of the visitor's id, in hex: no cookie can be made of it."""
    values: Mapping[str, str]
    """JSON texts in ASCII, by name. A store compares them and never looks inside."""
    version: int
    """Another one after each change of the values."""
    created: float
    """POSIX time, in seconds."""
    last_seen: float
    """POSIX time of the last change or touch."""
    owner: Owner | None = None
    successor: str | None = None
    """The key that took this one's place, for the few seconds in which this one still counts."""


class Change(NamedTuple):
    """What a request makes of one value."""

    base: str | None
    """Its JSON text when the request read the session; None: there was none."""
    value: str | None
    """Its JSON text now; None: it is deleted."""
    on_conflict: Literal["mine", "theirs", "raise"] = "mine"
    """When the store's text is no longer ``base``, whatever it is: write all the same, skip this
    change, or write nothing of this commit and return the record."""


Changes = Mapping[str, Change]


class SessionGone(LookupError):
    """There is no session of this key, or no more: it expired, or was deleted meanwhile."""


def new_id() -> str:
    """An id for a visitor's cookie: 256 random bits."""
    return secrets.token_urlsafe(32)


def key_of(session_id: str) -> str:
    """The key that a store keeps the session of ``session_id`` under."""
    return hashlib.sha256(session_id.encode()).hexdigest()


class SessionStore(ABC):
    """Keeps sessions in one place for all processes that serve them.

    Each method is atomic where the data are: two calls at the same time are as one after the other,
    and a process that is killed in the middle of one has done it whole or not at all. A session
    whose ``ttl`` (in seconds) has passed is not there. None of them waits and tries again when the
    server fails: they raise :class:`~wsgikit.errors.SessionUnavailable`. What only this session has
    to wait for, because others change it, raises :class:`~wsgikit.errors.SessionLocked`: that is no
    reason to spare the server the requests of other visitors.
    """

    @abstractmethod
    def load(self, key: str) -> Record | None:
        """The session of ``key``. Writes nothing."""

    @abstractmethod
    def create(
        self,
        key: str,
        values: Mapping[str, str],
        *,
        ttl: float,
        owner: Owner | None = None,
        created: float | None = None,
    ) -> bool:
        """Keep a new session; False, and nothing is done, if there is one of ``key`` already.

        :param created: POSIX time, in seconds, of one that begins elsewhere; None: now.
        """

    @abstractmethod
    def commit(
        self,
        key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        owner: Owner | None = None,
    ) -> Record | None:
        """Make ``changes``, all or none of them, and let the session live ``ttl`` from now on.

        While the version is ``expected_version`` they are made as they are. Else another request
        has written meanwhile: values that it left alone are changed, and each change of one that
        it did not leave alone is decided by ``on_conflict``.

        :param owner: takes the place of the former one; None leaves it.
        :return: None when it is done. The record as it is now, and nothing was written, when a
            change with ``on_conflict="raise"`` met another one, or the record has a successor.
        :raises SessionGone: the session is not there. It is never made anew by this.
        """

    @abstractmethod
    def rotate(
        self,
        key: str,
        new_key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        grace: float,
        owner: Owner | None = None,
    ) -> Record | None:
        """Make ``changes`` as ``commit`` does, in a record of ``new_key`` that follows this one.

        The new one is written first, as the session goes on in it (it keeps ``created``, unless
        ``owner`` has another user than before). The old one keeps its former values for ``grace``
        seconds, names its successor, and takes no commit.

        :return: and raises, as ``commit`` does.
        """

    @abstractmethod
    def touch(self, key: str, *, ttl: float) -> None:
        """Let the session live ``ttl`` from now on. Its values are not written."""

    @abstractmethod
    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        """Delete the session, and its successor if it has one.

        :param expected_version: delete it only while it has this version, and no successor.
        :return: False when it was not deleted for its version; True when it is not there any more.
        """

    @abstractmethod
    def iterate(self, user_id: str | int | None = None) -> Iterator[Record]:
        """The sessions that ``session.bind`` gave to a user, or all; none that has a successor.

        None of a user's is left out because it gets a new id meanwhile: it is there under its old
        key or its new one.
        """

    @abstractmethod
    def purge(self) -> int:
        """Remove what has expired, where the server does not by itself; return how many."""

    @abstractmethod
    def lock(self, key: str, token: str, *, ttl: float) -> bool:
        """Take the exclusive lock of ``key`` for ``ttl`` seconds at most; False if it is taken."""

    @abstractmethod
    def unlock(self, key: str, token: str) -> None:
        """Give the lock back, unless another token has it by now."""

    def close(self) -> None:  # noqa: B027 - one that has nothing open need not say so
        """Give back what is open, such as connections. The store is not used afterwards."""

    def revoke(self, user_id: str | int, key: str) -> bool:
        """End one session of a user, such as one that the user has picked from the list.

        :return: whether it was one of theirs; no other is ended.
        :raises ValueError: ``user_id`` is None or empty.
        """
        user, record = _checked_user(user_id), self.latest(key)
        found = record is not None and user_of(record) == user
        if found:
            self.delete(key)
        return found

    def revoke_all(self, user_id: str | int, *, keep: str | None = None) -> int:
        """End all sessions of a user, say after a change of password; return how many.

        Those are ended as well that get a new id meanwhile.

        :param keep: the key of one that goes on, such as ``session.key``.
        :raises ValueError: ``user_id`` is None or empty.
        """
        user, ended = _checked_user(user_id), set[str]()
        while True:
            keys = {record.key for record in self.iterate(user)} - ended
            if keep is not None:
                keys -= {keep, *(record.key for record in self._line(keep))}
            if not keys:
                return len(ended)
            for key in keys:
                self.delete(key)
            ended |= keys

    def latest(self, key: str) -> Record | None:
        """The session of ``key`` under the key that it has now; None when it has ended."""
        records = list(self._line(key))
        return records[-1] if records and records[-1].successor is None else None

    def _line(self, key: str) -> Iterator[Record]:
        """The record of ``key``, and those that took its place, one after the other."""
        record = self.load(key)
        while record is not None:
            yield record
            record = None if record.successor is None else self.load(record.successor)


def _checked_user(user_id: str | int | None) -> str:
    """Refuse what ``iterate`` takes for all users: a stranger's ``session.user_id`` is None."""
    if user_id is None or user_id == "":
        raise ValueError("No user is named, so nobody's sessions are ended.")
    return str(user_id)


def user_of(record: Record) -> str | None:
    """Whose session it is; None: nobody's."""
    return record.owner.user_id if record.owner is not None else None


def apply_changes(
    values: Mapping[str, str], changes: Changes, *, as_expected: bool
) -> dict[str, str] | None:
    """What ``values`` are after ``changes``, or None when one of them must not be made.

    For stores that merge in Python, inside a transaction of their server.

    :param as_expected: whether the version is the expected one.
    """
    merged = dict(values)
    for name, change in changes.items():
        current = merged.get(name)
        if not as_expected and current != change.base:
            if change.on_conflict == "raise":
                return None
            if change.on_conflict == "theirs":
                continue
        if change.value is None:
            merged.pop(name, None)
        else:
            merged[name] = change.value
    return merged
