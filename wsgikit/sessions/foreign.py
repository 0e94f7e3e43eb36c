"""Cookies of the frameworks that a site has moved in from."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from ..errors import SessionValueError
from .cookie import MAX_TRIED
from .readers import CookieReader
from .stored_session import StoredSession
from .values import dump_values, join_values
from .visitor import Visitor

logger = logging.getLogger("wsgikit.session")


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
                stored = _read(reader, value)
                if stored is not None:
                    return stored
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
        found = [each for each in self._readers if each.name in cookies]
        return [(each, cookies.getlist(each.name)[:MAX_TRIED]) for each in found]


def _read(reader: CookieReader, value: str) -> StoredSession | None:
    data = reader.read(value)
    if data is None:
        return None
    try:
        text = join_values(dump_values(data))
    except SessionValueError as error:
        logger.warning("a session in the cookie %s cannot be taken over: %s", reader.name, error)
        return None
    return StoredSession(data, text, 0.0, True, time.time())
