"""The session as a thread sees it that a request was handed to."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NoReturn

from ..errors import SessionReadOnly
from .session import Session
from .stored_session import StoredSession


class ReadOnlySession(Session):
    """Reads another request's session as long as that request lasts.

    :param original: the session of the request.
    :param has_ended: whether the request is over.

    A write could come when the cookie has left, or at the same moment as the view's. Lists and
    dicts are handed out as copies.
    """

    def __init__(self, original: Session, has_ended: Callable[[], bool]) -> None:
        super().__init__(lambda: None, original._keeper)
        self._original = original
        self._has_ended = has_ended

    @property
    def _values(self) -> dict[str, Any]:
        if self._has_ended():
            raise RuntimeError(
                "Working outside of request context: the request of this session has ended.\n\n"
                "Read the values in the request, and pass them to the function that outlives it."
            )
        return self._original._values

    @property
    def stored(self) -> StoredSession | None:
        return self._original.stored if self._values is not None else None

    def __getitem__(self, key: str) -> Any:
        return deepcopy(self._values[key])

    def _check_writable(self) -> NoReturn:
        raise SessionReadOnly(
            "The session was changed by a thread that the request was handed to, which may outlive "
            "the response.\n\nReturn the value to the view, and let the view change the session."
        )
