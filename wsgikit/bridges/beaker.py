"""``environ["beaker.session"]`` for apps that were written for Beaker."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ..environ import SESSION
from ..sessions import tagged_json
from .session_id import id_of, renew_id
from .view import SessionView, session_of


class BeakerSession(SessionView):
    """The pipeline's session with Beaker's methods, and its own.

    Changes count without ``save()``, as with Beaker's option ``auto``.
    """

    __slots__ = ()  # so that what cannot be set, such as path and domain, is an error

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


class BeakerMiddleware:
    """Set ``environ["beaker.session"]`` to the pipeline's session.

    :param app: the WSGI app inside, such as a Bottle app.
    :param environ_key: instead of ``"beaker.session"``.

    In the place of ``beaker.middleware.SessionMiddleware``, inside ``SessionMiddleware``, which
    sends the cookie.
    """

    requires = (SESSION,)
    provides = ("beaker.session",)

    def __init__(self, app: WSGIApplication, /, *, environ_key: str = "beaker.session") -> None:
        self.app = app
        self.environ_key = environ_key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[self.environ_key] = BeakerSession(session_of(environ))
        return self.app(environ, start_response)
