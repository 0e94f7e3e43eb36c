"""The attributes of the session's cookie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...sessions.cookie import is_prefixed
from ..layers import Node
from ..target import Target
from .finding import Finding
from .paths import paths


def find(target: Target) -> Iterator[Finding]:
    """Look at the cookie of each session layer."""
    for *outside, node in paths(target.nodes):
        if node.is_a("SessionMiddleware"):
            yield from _find_in(node.layer, any(map(_forces_https, outside)))


def _forces_https(node: Node) -> bool:
    return node.is_a("HTTPSMiddleware") and bool(node.layer.redirect)


def _find_in(layer: Any, forces_https: bool) -> Iterator[Finding]:
    cookie, name = layer.attributes, layer.cookie_name
    is_host = name.lower().startswith("__host-")
    if not (cookie.secure or is_prefixed(name) or forces_https):
        problem = f"The cookie {name} goes over plain http too."
        yield Finding(
            "cookie-secure", problem, "Set SESSION_COOKIE_SECURE = True, or pass secure=True"
        )
    if not cookie.http_only:
        problem = f"Scripts of any page can read the cookie {name}."
        yield Finding(
            "cookie-httponly", problem, "Set SESSION_COOKIE_HTTPONLY = True, or pass http_only=True"
        )
    if cookie.same_site is None or (cookie.same_site == "None" and not cookie.partitioned):
        problem = f"The cookie {name} goes with requests that other sites make."
        yield Finding(
            "cookie-samesite",
            problem,
            "Set SESSION_COOKIE_SAMESITE = 'Lax', or pass same_site='Lax'",
        )
    if not is_host:
        yield Finding("cookie-host", *_not_host(cookie, name))


def _not_host(cookie: Any, name: str) -> tuple[str, str]:
    wrong = "Other hosts of the domain can plant the cookie"
    fix = "Set SESSION_COOKIE_NAME = '__Host-session', or pass cookie_name='__Host-session'"
    if cookie.domain is not None:
        return f"{wrong} {name}, and get it.", f"{fix}; and leave the domain out"
    return f"{wrong} {name}.", fix
