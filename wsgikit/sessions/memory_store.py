"""Sessions in the memory of one process: for tests, and for a server of one process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from threading import RLock
from typing import NamedTuple

from .records import changed_record, new_record, successor_record
from .store import Changes, Owner, Record, SessionGone, SessionStore, user_of

_FEW = 100
"""Sessions that are not worth a look for those that have expired."""


class _Kept(NamedTuple):
    record: Record
    expires: float


class MemoryStore(SessionStore):
    """Keep sessions in this process alone; they end with it, and no other process sees them.

    Each time their number has doubled, those that have expired are removed.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, tuple[str, float]] = {}
        self._purge_at = _FEW
        self._guard = RLock()

    def load(self, key: str) -> Record | None:
        with self._guard:
            kept = self._kept.get(key)
            return kept.record if kept is not None and kept.expires > time.time() else None

    def create(
        self,
        key: str,
        values: Mapping[str, str],
        *,
        ttl: float,
        owner: Owner | None = None,
        created: float | None = None,
    ) -> bool:
        with self._guard:
            if self.load(key) is not None:
                return False
            self._keep(new_record(key, values, owner, created), ttl)
            return True

    def _keep(self, record: Record, ttl: float) -> None:
        self._kept[record.key] = _Kept(record, time.time() + ttl)
        if len(self._kept) > self._purge_at:
            self.purge()
            self._purge_at = max(_FEW, 2 * len(self._kept))

    def commit(
        self,
        key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        owner: Owner | None = None,
    ) -> Record | None:
        with self._guard:
            record = self._found(key)
            changed = changed_record(record, changes, expected_version, owner)
            if changed is None:
                return record
            self._keep(changed, ttl)
            return None

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
        with self._guard:
            record = self._found(key)
            successor = successor_record(record, new_key, changes, expected_version, owner)
            if successor is None:
                return record
            self._keep(successor, ttl)
            self._keep(record._replace(successor=new_key), grace)
            return None

    def _found(self, key: str) -> Record:
        record = self.load(key)
        if record is None:
            raise SessionGone(key)
        return record

    def touch(self, key: str, *, ttl: float) -> None:
        with self._guard:
            record = self.load(key)
            if record is not None and record.successor is None:
                self._keep(record._replace(last_seen=time.time()), ttl)

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        with self._guard:
            record = self.load(key)
            if record is None:
                return True
            if expected_version is not None and (record.version, record.successor) != (
                expected_version,
                None,
            ):
                return False
            del self._kept[key]
            return record.successor is None or self.delete(record.successor)

    def iterate(self, user_id: str | int | None = None) -> Iterator[Record]:
        user = None if user_id is None else str(user_id)
        with self._guard:
            records = [self.load(key) for key in self._kept]
        for record in records:
            if record is None or record.successor is not None:
                continue
            if user is None or user_of(record) == user:
                yield record

    def purge(self) -> int:
        now = time.time()
        with self._guard:
            expired = [key for key, kept in self._kept.items() if kept.expires <= now]
            for key in expired:
                del self._kept[key]
            self._locks = {key: lock for key, lock in self._locks.items() if lock[1] > now}
            return len(expired)

    def lock(self, key: str, token: str, *, ttl: float) -> bool:
        now = time.time()
        with self._guard:
            holder, until = self._locks.get(key, (token, 0.0))
            if holder != token and until > now:
                return False
            self._locks[key] = (token, now + ttl)
            return True

    def unlock(self, key: str, token: str) -> None:
        with self._guard:
            if self._locks.get(key, ("", 0.0))[0] == token:
                del self._locks[key]
