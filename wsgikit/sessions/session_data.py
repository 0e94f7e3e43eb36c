"""A session's data: loaded at first touch, and they know whether they changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn, Self
from uuid import UUID

from werkzeug.exceptions import HTTPException

from ..errors import SessionCommitted, SessionUnavailable, SessionValueError
from .stored_session import StoredSession
from .values import dump_values, join_values

_IMMUTABLE = (str, bytes, int, float, type(None), date, Decimal, UUID)


class SessionData(MutableMapping[str, Any]):
    """The mapping that a :class:`Session` is.

    :param load: returns what the request brought, or None; called at the first touch.
    """

    touched = False
    """Whether it was asked for anything in this request, also if it could not be loaded."""
    committed = False
    failure: HTTPException | None = None
    """What the store, which did not answer, has last let the session raise."""
    _modified = False
    _lent = False  # a mutable value was handed out and may change behind our back

    def __init__(self, load: Callable[[], StoredSession | None]) -> None:
        self._loader = load
        # The first item counts. Threads that touch the session at the same time each append what
        # they loaded, which is atomic: none can replace the data that another has written to.
        self._loaded: list[tuple[dict[str, Any], StoredSession | None]] = []

    def _load(self) -> StoredSession | None:
        return self._loader()

    @property
    def _values(self) -> dict[str, Any]:
        return self._first_load()[0]

    @property
    def stored(self) -> StoredSession | None:
        """What the request brought; None for a new visitor, or a cookie that does not verify."""
        return self._first_load()[1]

    def _first_load(self) -> tuple[dict[str, Any], StoredSession | None]:
        if not self._loaded:
            self.touched = True
            try:
                stored = self._load()
            except SessionUnavailable as error:
                self._refuse(error)
            self._loaded.append((stored.data if stored is not None else {}, stored))
        return self._loaded[0]

    @property
    def accessed(self) -> bool:
        """Whether anything of this session was read or written in this request."""
        return bool(self._loaded)

    @property
    def new(self) -> bool:
        """Whether this request brought no valid session."""
        return self.stored is None

    @property
    def modified(self) -> bool:
        """Whether the data differ from what the request brought. Set it True to force a write."""
        return self._modified or (self._lent and self._differs())

    @modified.setter
    def modified(self, value: bool) -> None:
        self._touch()
        self._modified = value

    @property
    def is_resumed(self) -> bool:
        """Whether it has changes that an outage has kept from the store until now."""
        return self.stored is not None and self.stored.pending is not None

    @property
    def texts(self) -> dict[str, str]:
        """The JSON text of each value, by name.

        :raises SessionValueError: names the key whose value cannot be kept.
        """
        return dump_values(self._values)

    @property
    def text(self) -> str:
        """The data as one JSON text.

        :raises SessionValueError: names the key whose value cannot be kept.
        """
        return join_values(self.texts)

    def _differs(self) -> bool:
        return self.stored is None or self.text != self.stored.text

    def _check_writable(self) -> None:
        if self.committed:
            raise SessionCommitted(
                "The session was changed after the response's headers had left, so the change "
                "could not reach the visitor.\n\nChange it before the response starts: in a "
                "generator, before the first yield."
            )
        stored = self.stored
        if stored is not None and stored.outage is not None and stored.pending is None:
            self._refuse(stored.outage)

    def _refuse(self, error: HTTPException) -> NoReturn:
        """Raise ``error``, and remember it for a framework that takes it for one of its own."""
        self.failure = error
        raise error

    def _check_removal(self, key: str | None = None) -> None:
        """Refuse to remove what cannot be seen: a logout that removes nothing is none."""
        if key in self._values:
            return
        if self.stored is not None and self.stored.outage is not None:
            self._refuse(self.stored.outage)

    def _touch(self) -> dict[str, Any]:
        self._check_writable()
        values = self._values
        self._modified = True
        return values

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if not isinstance(value, _IMMUTABLE):
            self._lent = True
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise SessionValueError(f"A session key is a str, not {type(key).__name__}: {key!r}")
        self._touch()[key] = value

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a value and return it, or ``default`` when there is none."""
        self._check_removal(key)
        return super().pop(key, *default)

    def clear(self) -> None:
        """Remove all values."""
        self._check_removal()
        super().clear()

    def __delitem__(self, key: str) -> None:
        self._check_removal(key)
        if key not in self._values:
            raise KeyError(key)
        del self._touch()[key]

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Session {self._values!r}>" if self.accessed else "<Session, not loaded>"
