"""Sessions in Redis or Valkey, one server or a cluster."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from ..errors import SessionConflict, SessionUnavailable
from .ascii_text import from_ascii, to_ascii
from .records import successor_record, user_of
from .redis_client import Client, client_maker
from .redis_scripts import Scripts
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
    :class:`~wsgikit.errors.SessionUnavailable` for whatever the server refuses.
    """

    def __init__(
        self, url_or_client: str | Client, *, prefix: str = "wsgikit:", timeout: float = 1.0
    ) -> None:
        self._prefix = prefix
        self._owns_client = isinstance(url_or_client, str)
        self._make_client: Callable[[], Any] = (
            client_maker(url_or_client, timeout)
            if isinstance(url_or_client, str)
            else lambda: url_or_client
        )
        self._making = Lock()
        self._made: tuple[Any, Scripts] | None = None

    def _server(self) -> tuple[Any, Scripts]:
        """The client and the scripts. Made at the first call, when a server must be there."""
        if self._made is None:
            with self._making:
                if self._made is None:
                    client = self._make_client()
                    self._made = client, Scripts(client)
        return self._made

    @property
    def _client(self) -> Any:
        return self._server()[0]

    @property
    def _scripts(self) -> Scripts:
        return self._server()[1]

    def load(self, key: str) -> Record | None:
        with _failures():
            fields = self._client.hgetall(self._session(key))
        return _record(key, fields.items()) if fields else None

    def create(
        self, key: str, values: Mapping[str, str], *, ttl: float, owner: Owner | None = None
    ) -> bool:
        now = time.time()
        with _failures():
            return self._write(Record(key, values, 1, now, now, owner), ttl)

    def _write(self, record: Record, ttl: float) -> bool:
        user_id = user_of(record)
        if user_id is not None:
            self._remember(user_id, record.key, ttl)
        args = [_ms(ttl), *_fields(record)]
        return bool(self._scripts.create([self._session(record.key)], args))

    def _remember(self, user_id: str, key: str, ttl: float) -> None:
        """Put the session among the user's, for longer than it lives.

        This is another key, in another slot, so it cannot be done in one step with the session.
        Before a session gets its user, lest one be missing from the list when the process dies
        between the two; and again afterwards, as a list that is read meanwhile takes it out. Twice
        as long, as a touch of the session comes before the one of the list.
        """
        self._scripts.index([self._user(user_id)], [key, _ms(2 * ttl)])

    def commit(
        self,
        key: str,
        changes: Changes,
        *,
        expected_version: int,
        ttl: float,
        owner: Owner | None = None,
    ) -> Record | None:
        args: list[str | int] = [expected_version, _ms(ttl), repr(time.time())]
        args += ["0", "", "", ""] if owner is None else ["1", *map(to_ascii, owner)]
        for name, change in changes.items():
            args += [_field(name), change.base or "", change.value or "", change.on_conflict]
        with _failures():
            if owner is not None:
                self._remember(owner.user_id, key, ttl)
            reply = self._scripts.commit([self._session(key)], args)
            if isinstance(reply, int):
                raise SessionGone(key)
            if isinstance(reply, list):
                return _record(key, zip(reply[::2], reply[1::2], strict=True))
            self._remember_bound(reply, key, ttl)
        return None

    def _remember_bound(self, reply: bytes | str | None, key: str, ttl: float) -> None:
        if reply is not None:
            self._remember(from_ascii(_text(reply)), key, ttl)

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
        with _failures():
            self._write(new, min(ttl, _UNCLAIMED))  # nobody knows its id yet
            args = [record.version, new.key, _ms(grace)]
            replaced = bool(self._scripts.succeed([self._session(record.key)], args))
        if replaced:
            self.touch(new.key, ttl=ttl)
        else:
            self.delete(new.key)
        return replaced

    def touch(self, key: str, *, ttl: float) -> None:
        with _failures():
            reply = self._scripts.touch([self._session(key)], [_ms(ttl), repr(time.time())])
            self._remember_bound(reply, key, ttl)

    def delete(self, key: str, *, expected_version: int | None = None) -> bool:
        version: int | str = "" if expected_version is None else expected_version
        with _failures():
            while key:
                successor = self._scripts.delete([self._session(key)], [version])
                if successor == 0:
                    return False
                key = _text(successor)
        return True

    def iterate(self, user_id: str | None = None) -> Iterator[Record]:
        for key in self._all_keys() if user_id is None else self._keys_of(user_id):
            record = self.load(key)
            listed = record is not None and record.successor is None
            if record is not None and listed and user_id in (None, user_of(record)):
                yield record
            elif user_id is not None:
                with _failures():
                    self._client.srem(self._user(user_id), key)

    def _all_keys(self) -> Iterator[str]:
        start = self._session("")
        pattern = re.sub(r"([][*?\\])", r"\\\1", start) + "*"
        seen = set()  # Redis may name one twice
        with _failures():
            for name in self._client.scan_iter(match=pattern, count=1000):
                key = _text(name).removeprefix(start)
                if key not in seen:
                    seen.add(key)
                    yield key

    def _keys_of(self, user_id: str) -> list[str]:
        with _failures():
            return [_text(key) for key in self._client.smembers(self._user(user_id))]

    def purge(self) -> int:
        """Nothing: the server removes what has expired."""
        return 0

    def lock(self, key: str, token: str, *, ttl: float) -> bool:
        with _failures():
            return bool(self._scripts.lock([self._named("lock", key)], [token, _ms(ttl)]))

    def unlock(self, key: str, token: str) -> None:
        with _failures():
            self._scripts.unlock([self._named("lock", key)], [token])

    def close(self) -> None:
        if self._owns_client and self._made is not None:
            self._client.close()

    def _session(self, key: str) -> str:
        return self._named("session", key)

    def _user(self, user_id: str) -> str:
        return self._named("user", to_ascii(user_id))

    def _named(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"


@contextmanager
def _failures() -> Iterator[None]:
    """Whatever keeps the server from doing it: it is away, starts, is full, is read-only …"""
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        raise SessionUnavailable from error


def _ms(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))


def _field(name: str) -> str:
    return "=" + to_ascii(name)


def _fields(record: Record) -> Iterator[str]:
    yield from ("version", str(record.version))
    yield from ("created", repr(record.created), "last_seen", repr(record.last_seen))
    if record.owner is not None:
        for field, text in zip(Owner._fields, record.owner, strict=True):
            yield from (field, to_ascii(text))
    for name, value in record.values.items():
        yield from (_field(name), value)


def _record(key: str, fields: Any) -> Record:
    texts = {_text(field): _text(value) for field, value in fields}
    owner = [from_ascii(texts[field]) for field in Owner._fields if field in texts]
    return Record(
        key,
        {from_ascii(name[1:]): text for name, text in texts.items() if name[0] == "="},
        int(texts["version"]),
        float(texts["created"]),
        float(texts["last_seen"]),
        Owner(*owner) if owner else None,
        texts.get("successor"),
    )


def _text(reply: bytes | str) -> str:
    """A reply as text: bytes, unless the client was made with ``decode_responses``."""
    return reply.decode() if isinstance(reply, bytes) else reply
