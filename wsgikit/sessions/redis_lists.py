"""The lists of the users' sessions that ``RedisStore`` keeps: see ``redis_scripts``."""

from __future__ import annotations

from .ascii_text import to_ascii
from .redis_hash import text_of, to_ms
from .redis_server import RedisServer

_MARGIN = 60.0
"""Seconds that a session stays in the list of its user beyond what it needs: in a cluster their
two servers have two clocks."""


class UserLists:
    """A sorted set for each user, of the keys of sessions by the time until which each is in it.

    It is another key than the session, in another slot, so the two cannot be written in one step.
    """

    def __init__(self, server: RedisServer, prefix: str) -> None:
        self._server = server
        self._prefix = prefix

    def keys_of(self, user_id: str) -> set[str]:
        """All that may be sessions of the user; some have ended."""
        return {text_of(key) for key in self._server.client.zrange(self._name(user_id), 0, -1)}

    def add(self, user_id: str | None, key: str, ttl: float) -> None:
        """Have the session in the list for twice the time that it may live from now on.

        For as long as it lives, then, also when its next life begins at the end of this one.
        """
        if user_id is not None:
            args = [key, to_ms(2 * ttl + _MARGIN)]
            self._server.scripts.index([self._name(user_id)], args)

    def remove(self, user_id: str | None, key: str) -> None:
        """Take out a key that will not be one of a session again."""
        if user_id is not None:
            self._server.client.zrem(self._name(user_id), key)

    def _name(self, user_id: str) -> str:
        return f"{self._prefix}user:{to_ascii(user_id)}"
