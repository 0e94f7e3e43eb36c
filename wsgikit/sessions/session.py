"""The mapping behind ``session``: loaded at first touch, and it knows whether it changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

from ..errors import SessionCommitted, SessionValueError

_PERMANENT = "_permanent"  # Flask's key


class StoredSession(NamedTuple):
    """What a request brought: the data, its serialised text, and when it was signed."""

    data: dict[str, Any]
    text: str
    issued_at: float
    """POSIX time, in seconds."""
    outdated: bool
    """Signed with an old key, so to be issued again."""


def _dump(data: Mapping[str, Any]) -> str:
    try:
        return json.dumps(data, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise SessionValueError(_describe_fault(data, error)) from error


def _describe_fault(data: Mapping[str, Any], error: Exception) -> str:
    for key, value in data.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError) as fault:
            return (
                f"session[{key!r}] holds a {type(value).__name__} that the session cookie cannot "
                f"keep: {fault}.\n\nStore str, int, float, bool, None, or lists and dicts of them."
            )
    return str(error)


class Session(MutableMapping[str, Any]):
    """One visitor's data, kept from request to request.

    :param load: returns what the request brought, or None; called at the first touch.

    Reading, testing or iterating counts as access (``Vary: Cookie``). Changes are noticed also
    inside nested lists and dicts. Once the headers have left, setting or deleting a key raises
    :class:`~wsgikit.errors.SessionCommitted` instead of being lost.
    """

    __slots__ = ("_lent", "_load", "_loaded", "_modified", "committed", "failed", "source")

    def __init__(self, load: Callable[[], StoredSession | None], source: object = None) -> None:
        self._load = load
        self.source = source
        # The first item counts. Threads that touch the session at the same time each append what
        # they loaded, which is atomic: none can replace the data that another has written to.
        self._loaded: list[tuple[dict[str, Any], StoredSession | None]] = []
        self._modified = False
        self._lent = False  # a mutable value was handed out and may change behind our back
        self.committed = False
        self.failed = False  # the layer's app call raised: a retry needs a session of its own

    @property
    def _values(self) -> dict[str, Any]:
        return self._first_load()[0]

    def _first_load(self) -> tuple[dict[str, Any], StoredSession | None]:
        if not self._loaded:
            stored = self._load()
            self._loaded.append((stored.data if stored is not None else {}, stored))
        return self._loaded[0]

    @property
    def is_open(self) -> bool:
        """Whether a change can still reach the visitor."""
        return not (self.committed or self.failed)

    @property
    def accessed(self) -> bool:
        """Whether anything of this session was read or written in this request."""
        return bool(self._loaded)

    @property
    def stored(self) -> StoredSession | None:
        """What the request brought; None for a new visitor, or a cookie that does not verify."""
        return self._first_load()[1]

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
    def permanent(self) -> bool:
        """Whether the cookie outlives the browser (``PERMANENT_SESSION_LIFETIME``)."""
        return bool(self._values.get(_PERMANENT, False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self[_PERMANENT] = bool(value)

    @property
    def text(self) -> str:
        """The data as JSON.

        :raises SessionValueError: names the key whose value JSON cannot hold.
        """
        return _dump(self._values)

    def _differs(self) -> bool:
        return self.stored is None or self.text != self.stored.text

    def _touch(self) -> dict[str, Any]:
        if self.committed:
            raise SessionCommitted(
                "The session was changed after the response's headers had left, so the change "
                "could not reach the visitor.\n\nChange it before the response starts: in a "
                "generator, before the first yield."
            )
        values = self._values
        self._modified = True
        return values

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if isinstance(value, (list, dict)):
            self._lent = True
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise SessionValueError(f"A session key is a str, not {type(key).__name__}: {key!r}")
        self._touch()[key] = value

    def __delitem__(self, key: str) -> None:
        if key not in self._values:
            raise KeyError(key)
        del self._touch()[key]

    def __ior__(self, other: Mapping[str, Any]) -> Session:
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
