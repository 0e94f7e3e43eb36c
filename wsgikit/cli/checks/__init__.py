"""What ``wsgikit check`` looks at: one topic a module, each with a function ``find``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..target import Target
from . import chain, cookie, debug, hosts, proxies, secret_key, store
from .finding import Finding as Finding

TOPICS: tuple[Callable[[Target], Iterator[Finding]], ...] = (
    chain.find,
    secret_key.find,
    cookie.find,
    debug.find,
    proxies.find,
    hosts.find,
    store.find,
)


def find_all(target: Target) -> Iterator[Finding]:
    """Everything that is wrong with an app, topic by topic."""
    found = (finding for find in TOPICS for finding in find(target))
    return iter(dict.fromkeys(found))  # two sites may have the same mistake
