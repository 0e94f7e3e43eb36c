"""Cookies of the frameworks that a site has moved in from."""

from __future__ import annotations

import time
from collections.abc import Sequence

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from .readers import CookieReader
from .stored_session import StoredSession
from .values import dump_values, join_values
from .visitor import Visitor


class ForeignCookies:
    """Takes a session over from another framework's cookie, so that no one has to log in again.

    :param readers: each is asked for its cookie when the request brings no session of ours.
    :param own: name, path and domain of our cookie, which one of theirs may have had before.
    """

    def __init__(self, readers: Sequence[CookieReader], own: tuple[str, str, str | None]) -> None:
        self._readers = readers
        self._own = own

    def load(self, visitor: Visitor) -> StoredSession | None:
        """The session of the first cookie that its reader takes; it is to be written as ours."""
        for reader, values in self._brought(visitor):
            for value in values:
                data = reader.read(value)
                if data is not None:
                    text = join_values(dump_values(data))
                    return StoredSession(data, text, 0.0, True, time.time())
        return None

    def expire(self, visitor: Visitor) -> list[str]:
        """What makes the browser forget them: else each would be taken again after a logout."""
        return [
            dump_cookie(
                reader.name, "", max_age=0, expires=0, path=reader.path, domain=reader.domain
            )
            for reader, _ in self._brought(visitor)
            if (reader.name, reader.path, reader.domain) != self._own
        ]

    def _brought(self, visitor: Visitor) -> list[tuple[CookieReader, list[str]]]:
        if not visitor.cookies or not self._readers:
            return []
        cookies = parse_cookie(visitor.cookies)
        return [
            (each, cookies.getlist(each.name)) for each in self._readers if each.name in cookies
        ]
