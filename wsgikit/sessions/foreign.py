"""Cookies of the frameworks that a site has moved in from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice

from werkzeug.datastructures import MultiDict
from werkzeug.sansio.http import parse_cookie

from ..errors import SessionValueError
from .cookie_header import MAX_VALUES
from .lifetimes import Lifetimes
from .readers import CookieReader, FormerSession
from .session import user_id_text
from .stored_session import StoredSession
from .values import dump_values, join_values
from .visitor import Visitor

logger = logging.getLogger("wsgikit.session")


class ForeignCookies:
    """Takes a session over from another framework's cookie, so that no one has to log in again.

    :param readers: each is asked for its cookie when the request brings no session of ours.
    :param own: name, path, domain and partition of our cookie, which theirs may have had before.
    :param lifetimes: end also a session that began elsewhere.
    """

    def __init__(
        self,
        readers: Sequence[CookieReader],
        own: tuple[str, str, str | None, bool],
        lifetimes: Lifetimes,
    ) -> None:
        self._readers = readers
        self._own = own
        self._lifetimes = lifetimes

    def load(self, visitor: Visitor) -> StoredSession | None:
        """The session of the first cookie that its reader takes; it is to be written as ours."""
        if not self._readers:
            return None
        cookies = parse_cookie(visitor.cookies)
        for reader in self._brought(cookies):
            for value in islice(reader.values_in(cookies), MAX_VALUES):
                former = reader.read(value)
                if former is not None and not self._lifetimes.is_over(former.created):
                    stored = _take_over(reader, former)
                    if stored is not None:
                        return stored
        return None

    def expire(self, visitor: Visitor) -> list[str]:
        """What makes the browser forget them: else each would be taken again after a logout.

        It goes before a cookie of ours: to some browsers the two may be the same one.
        """
        if not self._readers:
            return []
        cookies = parse_cookie(visitor.cookies)
        return [
            reader.attributes.header(name, "", 0, visitor)
            for reader in self._brought(cookies)
            if reader.attributes.key(reader.name) != self._own
            for name in reader.names_in(cookies)
        ]

    def _brought(self, cookies: MultiDict[str, str]) -> list[CookieReader]:
        return [each for each in self._readers if each.name in cookies]


def _take_over(reader: CookieReader, former: FormerSession) -> StoredSession | None:
    data = former.data
    try:
        text = join_values(dump_values(data))
    except SessionValueError as error:
        logger.warning("a session in the cookie %s cannot be taken over: %s", reader.name, error)
        return None
    user_id = user_id_text(data.get(reader.user_key)) if reader.user_key is not None else None
    return StoredSession(data, text, 0.0, True, former.created, user_id=user_id)
