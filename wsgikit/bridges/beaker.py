"""``environ["beaker.session"]`` for apps that were written for Beaker."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..environ import SESSION
from ..sessions import tagged_json
from .session_id import id_of, renew_id
from .view import SessionView, session_of

_INSTEAD = {
    "path": "Set it for all sessions: SessionMiddleware(path=…).",
    "domain": "Set it for all sessions: SessionMiddleware(domain=…).",
    "get_by_id": "The store lists and ends a user's sessions: iterate(user_id), revoke(user_id, "
    "key).",
    "load": "The session is loaded by its first use; lock() reads it afresh.",
}
_GET_SESSION = "beaker.get_session"


class BeakerSession(SessionView):
    """The pipeline's session with Beaker's methods, and its own.

    Changes count without ``save()``, as with Beaker's option ``auto``. ``_creation_time`` and
    ``_accessed_time`` can be read as values, which they are in Beaker.
    """

    __slots__ = ()  # so that what cannot be set is an error

    def __getattr__(self, name: str) -> Any:
        _check_is_here(name)
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        _check_is_here(name)
        super().__setattr__(name, value)

    def __getitem__(self, key: str) -> Any:
        if key == "_creation_time":
            return self._session.created
        return time.time() if key == "_accessed_time" else super().__getitem__(key)

    @property
    def id(self) -> str:
        """What tells this session from others; it stays until the session ends or is renewed."""
        return id_of(self._session)

    @property
    def is_new(self) -> bool:
        """Whether this request brought no session."""
        return self._session.new

    @property
    def last_accessed(self) -> float | None:
        """POSIX time, in seconds, at which the session was last kept; None for a new one."""
        stored = self._session.stored
        if stored is None:
            return None
        return stored.record.last_seen if stored.record is not None else stored.issued_at

    def accessed(self) -> bool:
        """Whether the session was read or written in this request."""
        return self._session.accessed

    def dirty(self) -> bool:
        """Whether the session is to be written, or has ended."""
        return self._session.modified or self._session.destroyed

    def save(self) -> None:
        """Have the session written also when it is as it was."""
        self._session.modified = True

    persist = save

    def invalidate(self) -> None:
        """End the session; what is written after this makes a new one."""
        self._session.destroy()

    delete = invalidate

    def regenerate_id(self) -> None:
        """Go on under a new id, say after a login."""
        renew_id(self._session)
        self._session.regenerate()

    def revert(self) -> None:
        """Go back to the values that the request brought."""
        stored = self._session.stored
        values = tagged_json.loads(stored.text) if stored is not None else {}
        for key in [key for key in self if key not in values]:
            del self[key]
        self.update(values)

    def has_key(self, key: str) -> bool:
        """Whether there is a value of that name."""
        return key in self._session


def _check_is_here(name: str) -> None:
    if name in _INSTEAD:
        raise AttributeError(f"Beaker's session.{name} is not here.\n\n{_INSTEAD[name]}")


def _refuse_another() -> NoReturn:
    raise NotImplementedError(
        "environ['beaker.get_session']() made a session beside the visitor's, which is not to be "
        "had here.\n\nThe visitor's session is environ['beaker.session']."
    )


class BeakerMiddleware:
    """Set ``environ["beaker.session"]`` to the pipeline's session.

    ``environ["beaker.get_session"]`` is an error that says what to use.

    :param app: the WSGI app inside, such as a Bottle app.
    :param environ_key: instead of ``"beaker.session"``.

    In the place of ``beaker.middleware.SessionMiddleware``, inside ``SessionMiddleware``, which
    sends the cookie.
    """

    requires = (SESSION,)
    provides = ("beaker.session", _GET_SESSION)

    def __init__(self, app: WSGIApplication, /, *, environ_key: str = "beaker.session") -> None:
        self.app = app
        self.environ_key = environ_key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[self.environ_key] = BeakerSession(session_of(environ))
        environ[_GET_SESSION] = _refuse_another
        return self.app(environ, start_response)
