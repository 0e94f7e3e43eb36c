"""Which Host headers are answered."""

from __future__ import annotations

from collections.abc import Iterator

from ...hosts import TrustedHosts
from ..target import Target
from .finding import Finding

_STRANGERS = ("192.0.2.1", "8.8.8.8", "2001:db8::1")
_STRANGERS += tuple(
    f"wsgikit-check-of-hosts.{end}" for end in ("com", "net", "org", "io", "dev", "invalid")
)
_FIX = "Write .use(HostMiddleware, trusted=['example.org']) with the names of your site"


def find(target: Target) -> Iterator[Finding]:
    """Look for a host check, and whether it lets strangers through."""
    nodes = [node for node in target.nodes if node.is_a("HostMiddleware")]
    if not nodes:
        problem = "Any Host header is believed, and goes into links and caches."
        yield Finding("host-none", problem, _FIX)
    for node in nodes:
        for value in vars(node.layer).values():
            open_to = [
                each for each in _STRANGERS if isinstance(value, TrustedHosts) and each in value
            ]
            if open_to:
                problem = f"HostMiddleware answers for hosts of others, such as {open_to[0]}."
                yield Finding("host-wildcard", problem, _FIX)
