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
    for find in TOPICS:
        yield from find(target)
