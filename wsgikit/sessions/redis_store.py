"""Sessions in Redis or Valkey, one server or a cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping

from ..errors import SessionConflict
from .ascii_text import from_ascii, to_ascii
from .records import new_record, successor_record
from .redis_client import Client
from .redis_hash import field_of, fields_of, record_of, text_of, to_ms
from .redis_lists import UserLists
from .redis_server import RedisServer, failures
from .store import Changes, Owner, Record, SessionGone, SessionStore, user_of

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
        self._lists = UserLists(self._server, prefix)

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
        record = new_record(key, values, owner, created)
        with failures():
            self._lists.add(user_of(record), key, ttl)
            is_new = self._write(record, ttl)
            self._lists.add(user_of(record), key, ttl)  # the process may have stood still
        return is_new

    def _write(self, record: Record, ttl: float) -> bool:
        args = [to_ms(ttl), *fields_of(record)]
        return bool(self._server.scripts.create([self._session(record.key)], args))

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
                self._lists.add(owner.user_id, key, ttl)
            reply = self._server.scripts.commit([self._session(key)], args)
            if isinstance(reply, int):
                raise SessionGone(key)
            if isinstance(reply, list):
                return record_of(key, zip(reply[::2], reply[1::2], strict=True))
            self._extend(reply, key, ttl)
        return None

    def _extend(self, reply: bytes | str | None, key: str, ttl: float) -> None:
        """Let a session live for ``ttl``, if the reply names a user, whose list must have it."""
        if reply is not None:
            user = text_of(reply)
            self._lists.add(from_ascii(user), key, ttl)
            self._server.scripts.extend([self._session(key)], [to_ms(ttl), user])

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
            self._lists.add(user_of(new), new.key, ttl)
            self._write(new, min(ttl, _UNCLAIMED))  # nobody knows its id yet
            args = [record.version, new.key, to_ms(grace)]
            replaced = bool(self._server.scripts.succeed([self._session(record.key)], args))
        if replaced:
            self.touch(new.key, ttl=ttl)
            with failures():
                self._lists.remove(user_of(record), record.key)
        else:
            self.delete(new.key)
        return replaced

    def touch(self, key: str, *, ttl: float) -> None:
        with failures():
            reply = self._server.scripts.touch(
                [self._session(key)], [to_ms(ttl), repr(time.time())]
            )
            self._extend(reply, key, ttl)

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        version: int | str = "" if expected_version is None else expected_version
        with failures():
            while key:
                reply = self._server.scripts.delete([self._session(key)], [version])
                if reply == 0:
                    return False
                successor, user = reply
                if user is not None:
                    self._lists.remove(from_ascii(text_of(user)), key)
                key = text_of(successor)
        return True

    def iterate(self, user_id: str | int | None = None) -> Iterator[Record]:
        found: set[str] = set()
        if user_id is None:
            yield from self._living(self._all_keys(), None, found)
            return
        user, count = str(user_id), -1
        yield from self._living(self._keys_of(user), user, found)
        # One that was not there yet when it was looked for may have taken the place of one that was
        # not there any more.
        while count < len(found):
            count = len(found)
            yield from self._living(self._keys_of(user) - found, user, found)

    def _living(self, keys: set[str], user: str | None, found: set[str]) -> Iterator[Record]:
        for key in keys:
            record = self.latest(key)
            if record is None or record.key in found or user not in (None, user_of(record)):
                continue
            found |= {key, record.key}
            yield record

    def _all_keys(self) -> set[str]:
        start = self._session("")
        pattern = re.sub(r"([][*?\\])", r"\\\1", start) + "*"
        with failures():
            names = self._server.client.scan_iter(match=pattern, count=1000)
            return {text_of(name).removeprefix(start) for name in names}

    def _keys_of(self, user_id: str) -> set[str]:
        with failures():
            return self._lists.keys_of(user_id)

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

    def _named(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"
