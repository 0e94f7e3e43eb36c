"""Whose X-Forwarded-* and Forwarded headers are believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...trusted_peers import TrustedPeers
from ..layers import Node
from ..target import Target
from .finding import Finding
from .paths import sites_without

_STRANGERS = ("192.0.2.1", "8.8.8.8", "2001:db8::1", "2600::1")
"""Nobody's proxies: addresses for documentation (RFC 5737, RFC 3849) and far away."""
_PROXY_FIX = ("x_for", "x_proto", "x_host", "x_port", "x_prefix")
_FIX = "Write .use(ProxyMiddleware, trusted=['10.0.0.0/8']) with the addresses of your proxies"


def find(target: Target) -> Iterator[Finding]:
    """Look at the layers that correct the environ."""
    for node in target.nodes:
        if node.is_a("ProxyFix") and _believes(node):
            problem = "ProxyFix believes the X-Forwarded-* headers of whoever connects."
            yield Finding("proxy-any", problem, _FIX)
        yield from _find_open(node)
    sites = sites_without(target, _believes)
    if sites:
        problem = f"Behind a proxy, each client of {sites} has its address, and https is not seen."
        yield Finding("proxy-none", problem, _FIX)


def _believes(node: Node) -> bool:
    layer: Any = node.layer
    if node.is_a("ProxyFix"):
        return any(getattr(layer, name, 0) for name in _PROXY_FIX)
    return node.is_a("ProxyMiddleware") and bool(layer.trusted)


def _find_open(node: Node) -> Iterator[Finding]:
    for value in getattr(node.layer, "__dict__", {}).values():
        if isinstance(value, TrustedPeers) and any(each in value for each in _STRANGERS):
            problem = f"{node.label} trusts the whole internet."
            fix = "Name the addresses of your proxies and probes: ['10.0.0.0/8']"
            yield Finding("proxy-trust", problem, fix)
