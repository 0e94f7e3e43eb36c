"""The store of the sessions."""

from __future__ import annotations

from collections.abc import Iterator

from ...sessions import MemoryStore, SessionStore, key_of
from ..printable import printable
from ..target import Target
from .finding import Finding


def find(target: Target) -> Iterator[Finding]:
    """Ask each store for a session that it does not have."""
    for node in target.nodes:
        store = getattr(node.layer, "store", None)
        if isinstance(store, MemoryStore):
            problem = "Each worker keeps sessions of its own, in memory, and no other finds them."
            yield Finding(
                "store-memory", problem, "Set SESSION_STORE = 'redis://…' or 'sqlite:///…'"
            )
        elif isinstance(store, SessionStore):
            yield from _find_unreachable(store)


def _find_unreachable(store: SessionStore) -> Iterator[Finding]:
    try:
        store.load(key_of("wsgikit check"))
    except Exception as error:  # of a store that anybody may have written
        cause = error.__cause__ or error
        reason = printable(str(cause).partition("\n")[0]).rstrip(".") or type(cause).__name__
        problem = f"The session store does not answer: {reason}."
        yield Finding("store-unreachable", problem, "Start it, or correct SESSION_STORE")
    finally:
        store.close()
