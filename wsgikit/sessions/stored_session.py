"""What a request brought of its session."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import SessionUnavailable
from .store import Record

if TYPE_CHECKING:
    from .outage import Pending


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
    """The store does not answer, and this stands in for what cannot be seen of the session."""
    resumed: Mapping[str, float] = MappingProxyType({})
    """POSIX times, in seconds, of the changes that it has got after outages, by their marks."""
    pending: Pending | None = None
    """Changes that have waited in the visitor's cookie for the store to answer again."""
    user_id: str | None = None
    """Whose it is, by what another framework's cookie holds. It is not bound yet."""

    @property
    def is_superseded(self) -> bool:
        """Whether it is what an old id still shows of a session that goes on under a new one."""
        return self.record is not None and self.record.successor is not None
