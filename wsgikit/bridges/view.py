"""The pipeline's session in the shape that another framework expects."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any
from wsgiref.types import WSGIEnvironment

from ..environ import SESSION
from ..sessions import Session


def session_of(environ: WSGIEnvironment) -> Session:
    """The session that ``SessionMiddleware`` left in ``environ``.

    :raises RuntimeError: there is none; the text says what to write.
    """
    session: Session | None = environ.get(SESSION)
    if session is None:
        raise RuntimeError(
            "No session in the environ: this app stands outside SessionMiddleware, or there is "
            "none.\n\nServe it in the pipeline: standard(app, current_app=App('legacy'), "
            "secret_key=…)."
        )
    return session


class SessionView(MutableMapping[str, Any]):
    """Reads and writes ``session`` and has its methods, such as ``regenerate`` and ``destroy``."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def modified(self) -> bool:
        """As that of the pipeline's session."""
        return self._session.modified

    @modified.setter
    def modified(self, value: bool) -> None:
        self._session.modified = value

    @property
    def permanent(self) -> bool:
        """As that of the pipeline's session."""
        return self._session.permanent

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self._session.permanent = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also _session, of a copy that is being made
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._session, name)

    def __getitem__(self, key: str) -> Any:
        return self._session[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._session[key] = value

    def __delitem__(self, key: str) -> None:
        del self._session[key]

    def __contains__(self, key: object) -> bool:
        return key in self._session

    def __iter__(self) -> Iterator[str]:
        return iter(self._session)

    def __len__(self) -> int:
        return len(self._session)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a value and return it, or ``default`` when there is none."""
        return self._session.pop(key, *default)

    def clear(self) -> None:
        """Remove all values; a session that was bound to a user ends."""
        self._session.clear()

    def __repr__(self) -> str:
        return repr(self._session)
