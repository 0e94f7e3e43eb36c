"""Sessions in Redis or Valkey, one server or a cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping

from ..errors import SessionConflict
from .ascii_text import from_ascii, to_ascii
from .records import new_record, successor_record, user_of
from .redis_client import Client
from .redis_hash import field_of, fields_of, record_of, text_of, to_ms
from .redis_server import RedisServer, failures
from .store import Changes, Owner, Record, SessionGone, SessionStore

_TRIES = 10
_UNCLAIMED = 60.0
"""Seconds that a successor lives when the process that wrote it dies before it counts."""


class RedisStore(SessionStore):
    """Keep sessions in Redis (6 or newer), Redis Cluster or Valkey. Needs the extra ``redis``.

    :param url_or_client: ``redis://`` or ``valkey://`` (``rediss://`` with TLS),
        ``redis+cluster://``, ``unix://``; or a client of redis-py, whose own timeouts and retries
        count then. Let the server evict no keys: ``maxmemory-policy noeviction``.
    :param prefix: of all its keys, so that others may live in the same database.
    :param timeout: seconds for a connection, and again for an answer. An answer takes less than a
        millisecond, so after a whole second there will be none.
    :raises ConfigurationError: the URL is none of these.

    Each method waits ``timeout`` at most for each step, tries no command again, and raises
    :class:`~wsgikit.errors.SessionUnavailable`, or its ``SessionRefused`` when the server answers.
    """

    def __init__(
        self, url_or_client: str | Client, *, prefix: str = "wsgikit:", timeout: float = 1.0
    ) -> None:
        self._prefix = prefix
        self._server = RedisServer(url_or_client, timeout)

    def load(self, key: str) -> Record | None:
        with failures():
            fields = self._server.client.hgetall(self._session(key))
        return record_of(key, fields.items()) if fields else None

    def create(
        self,
        key: str,
        values: Mapping[str, str],
        *,
        ttl: float,
        owner: Owner | None = None,
        created: float | None = None,
    ) -> bool:
        with failures():
            return self._write(new_record(key, values, owner, created), ttl)

    def _write(self, record: Record, ttl: float) -> bool:
        user_id = user_of(record)
        if user_id is not None:
            self._remember(user_id, record.key, ttl)
        args = [to_ms(ttl), *fields_of(record)]
        return bool(self._server.scripts.create([self._session(record.key)], args))

    def _remember(self, user_id: str, key: str, ttl: float) -> None:
        """Put the session among the user's, for longer than it lives.

        This is another key, in another slot, so it cannot be done in one step with the session.
        Before a session gets its user, lest one be missing from the list when the process dies
        between the two; and again afterwards, as a list that is read meanwhile takes it out. Twice
        as long, as a touch of the session comes before the one of the list.
        """
        self._server.scripts.index([self._user(user_id)], [key, to_ms(2 * ttl)])

    def commit(
        self,
        key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        owner: Owner | None = None,
    ) -> Record | None:
        args: list[str | int] = [expected_version, to_ms(ttl), repr(time.time())]
        args += ["0", "", "", ""] if owner is None else ["1", *map(to_ascii, owner)]
        for name, change in changes.items():
            args += [field_of(name), change.base or "", change.value or "", change.on_conflict]
        with failures():
            if owner is not None:
                self._remember(owner.user_id, key, ttl)
            reply = self._server.scripts.commit([self._session(key)], args)
            if isinstance(reply, int):
                raise SessionGone(key)
            if isinstance(reply, list):
                return record_of(key, zip(reply[::2], reply[1::2], strict=True))
            self._remember_bound(reply, key, ttl)
        return None

    def _remember_bound(self, reply: bytes | str | None, key: str, ttl: float) -> None:
        if reply is not None:
            self._remember(from_ascii(text_of(reply)), key, ttl)

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
        for _ in range(_TRIES):
            record = self.load(key)
            if record is None:
                raise SessionGone(key)
            new = successor_record(record, new_key, changes, expected_version, owner)
            if new is None:
                return record
            if self._replace(record, new, grace, ttl):
                return None
        raise SessionConflict

    def _replace(self, record: Record, new: Record, grace: float, ttl: float) -> bool:
        """Let ``new`` go on for ``record``; False when that one is no longer as it was read."""
        with failures():
            self._write(new, min(ttl, _UNCLAIMED))  # nobody knows its id yet
            args = [record.version, new.key, to_ms(grace)]
            replaced = bool(self._server.scripts.succeed([self._session(record.key)], args))
        if replaced:
            self.touch(new.key, ttl=ttl)
        else:
            self.delete(new.key)
        return replaced

    def touch(self, key: str, *, ttl: float) -> None:
        with failures():
            reply = self._server.scripts.touch(
                [self._session(key)], [to_ms(ttl), repr(time.time())]
            )
            self._remember_bound(reply, key, ttl)

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        version: int | str = "" if expected_version is None else expected_version
        with failures():
            while key:
                successor = self._server.scripts.delete([self._session(key)], [version])
                if successor == 0:
                    return False
                key = text_of(successor)
        return True

    def iterate(self, user_id: str | None = None) -> Iterator[Record]:
        for key in self._all_keys() if user_id is None else self._keys_of(user_id):
            record = self.load(key)
            listed = record is not None and record.successor is None
            if record is not None and listed and user_id in (None, user_of(record)):
                yield record
            elif user_id is not None:
                with failures():
                    self._server.client.srem(self._user(user_id), key)

    def _all_keys(self) -> set[str]:
        start = self._session("")
        pattern = re.sub(r"([][*?\\])", r"\\\1", start) + "*"
        with failures():
            names = self._server.client.scan_iter(match=pattern, count=1000)
            return {text_of(name).removeprefix(start) for name in names}

    def _keys_of(self, user_id: str) -> list[str]:
        with failures():
            return [text_of(key) for key in self._server.client.smembers(self._user(user_id))]

    def purge(self) -> int:
        """Nothing: the server removes what has expired."""
        return 0

    def lock(self, key: str, token: str, *, ttl: float) -> bool:
        with failures():
            return bool(self._server.scripts.lock([self._named("lock", key)], [token, to_ms(ttl)]))

    def unlock(self, key: str, token: str) -> None:
        with failures():
            self._server.scripts.unlock([self._named("lock", key)], [token])

    def close(self) -> None:
        self._server.close()

    def _session(self, key: str) -> str:
        return self._named("session", key)

    def _user(self, user_id: str) -> str:
        return self._named("user", to_ascii(user_id))

    def _named(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"
