"""A store out of what a config file can hold."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import ConfigurationError, MissingExtraError
from .memory_store import MemoryStore
from .store import SessionStore

_REDIS = ("redis", "valkey", "unix")

EXTRAS = {
    "RedisStore": ("redis_store", "redis", "redis"),
    "SQLStore": ("sql_store", "sqlalchemy", "sql"),
}
"""Module, package and extra of the stores that need a library."""


def import_store(name: str) -> Any:
    """The class of a store that needs a library, which is imported now.

    :raises MissingExtraError: the library is not installed; the text names the extra.
    """
    module, package, extra = EXTRAS[name]
    try:
        return getattr(import_module(f".{module}", __package__), name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(package, extra, name) from error


def make_store(value: str | SessionStore) -> SessionStore:
    """Make the store that ``value`` names; a store is taken as it is.

    :param value: ``memory:``; a URL of ``RedisStore``, such as ``redis://host:6379/0``; or one of
        ``SQLStore``, such as ``sqlite:///sessions.sqlite3``.
    :raises ConfigurationError: it is none of these.
    :raises MissingExtraError: the store's library is not installed; the text names the extra.
    """
    if isinstance(value, SessionStore):
        return value
    if not isinstance(value, str) or ":" not in value:
        raise ConfigurationError(
            f"The session store is {type(value).__name__}, and neither a store nor the URL of "
            "one.\n\nWrite memory:, sqlite:///sessions.sqlite3, redis://host:6379/0 or "
            "postgresql://user:password@host/database."
        )
    if value == "memory:":
        return MemoryStore()
    name = "RedisStore" if value.startswith(_REDIS) else "SQLStore"
    store: SessionStore = import_store(name)(value)
    return store
