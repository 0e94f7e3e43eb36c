"""Which Host headers are answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..layers import Node
from ..target import Target
from .finding import Finding
from .paths import sites_without

_STRANGERS = (
    "192.0.2.1",
    "8.8.8.8",
    "2001:db8::1",
    *(f"wsgikit-check.{end}" for end in ("com", "net", "org", "io", "dev", "invalid")),
)
"""Nobody's site is here."""
_FIX = "Write .use(HostMiddleware, trusted=['example.org']) with the names of your site"


def find(target: Target) -> Iterator[Finding]:
    """Look for a host check, and whether it lets strangers through."""
    sites = sites_without(target, _checks_hosts)
    if sites:
        problem = f"Any Host header is believed by {sites}, and goes into links and caches."
        yield Finding("host-none", problem, _FIX)
    layers: list[Any] = [node.layer for node in filter(_checks_hosts, target.nodes)]
    for layer in layers:
        stranger = next((each for each in _STRANGERS if each in layer.trusted), None)
        if stranger is not None:
            problem = f"HostMiddleware answers for hosts of others, such as {stranger}."
            yield Finding("host-wildcard", problem, _FIX)


def _checks_hosts(node: Node) -> bool:
    return node.is_a("HostMiddleware")
