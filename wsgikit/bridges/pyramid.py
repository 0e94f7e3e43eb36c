"""Pyramid's ``request.session`` becomes the pipeline's, by ``session_factory``."""

from __future__ import annotations

import secrets
from typing import Any

from ..errors import MissingExtraError
from .view import SessionView, session_of

try:
    from pyramid.interfaces import ISession, ISessionFactory
    from zope.interface import directlyProvides, implementer
except ModuleNotFoundError as error:
    raise MissingExtraError("pyramid", "pyramid", "wsgikit.bridges.pyramid") from error

_CSRF = "_csrft_"  # Pyramid's


@implementer(ISession)
class PyramidSession(SessionView):
    """The pipeline's session with Pyramid's methods, and its own."""

    @property
    def created(self) -> int:
        """POSIX time, in whole seconds."""
        return int(self._session.created)

    def invalidate(self) -> None:
        """End the session; what is written after this makes a new one."""
        self._session.destroy()

    def changed(self) -> None:
        """Have the session written. Changes inside of values are noticed without this, too."""
        self._session.modified = True

    def flash(self, msg: Any, queue: str = "", allow_duplicate: bool = True) -> None:
        """Add ``msg`` to ``queue``; without ``allow_duplicate``, unless it is there."""
        kept = self.peek_flash(queue)
        if allow_duplicate or msg not in kept:
            self[f"_f_{queue}"] = [*kept, msg]

    def pop_flash(self, queue: str = "") -> list[Any]:
        """Take the messages out of ``queue``."""
        kept: list[Any] = self.pop(f"_f_{queue}", [])
        return kept

    def peek_flash(self, queue: str = "") -> list[Any]:
        """The messages in ``queue``, which stay there."""
        return list(self.get(f"_f_{queue}", ()))

    def new_csrf_token(self) -> str:
        """Make another token against cross-site requests."""
        token = self[_CSRF] = secrets.token_hex(20)
        return token

    def get_csrf_token(self) -> str:
        """The token against cross-site requests, made when there is none."""
        return self[_CSRF] if _CSRF in self else self.new_csrf_token()


def session_factory(request: Any) -> PyramidSession:
    """The pipeline's session, for ``config.set_session_factory(session_factory)``.

    :raises RuntimeError: there is none in the request; the text says what to write.

    Pyramid sends no session cookie then.
    """
    return PyramidSession(session_of(request.environ))


directlyProvides(session_factory, ISessionFactory)
