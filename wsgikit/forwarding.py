"""What proxies say of a request, as far as those that are trusted have said it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from werkzeug.exceptions import BadRequest

from .forwarded import parse_forwarded, parse_node
from .hosts import parse_host
from .proxy_headers import FORWARDED, X_FOR, X_HOST, X_PORT, X_PREFIX, X_PROTO
from .trusted_peers import UNIX_PEER, TrustedPeers

_X_VALUES = {"proto": X_PROTO, "host": X_HOST, "port": X_PORT, "prefix": X_PREFIX}
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PREFIX = re.compile(r"(?:/(?!\.{0,2}(?:/|\Z))[A-Za-z0-9._~!$&'()*+;=:@-]+)*/?", re.ASCII)


class Forwarding(NamedTuple):
    """What the believed proxies say; None where they say nothing."""

    address: str | None
    """The client's, or the last one known. Empty when a proxy hides it."""
    scheme: str | None
    host: str | None
    prefix: str | None


def read_forwarding(
    headers: Mapping[str, str], trusted: TrustedPeers, scheme: str, host: str
) -> Forwarding:
    """What ``headers`` say, as far as trusted proxies have written them.

    :param headers: the believed ones, by environ keys. A proxy that is trusted has sent them.
    :param scheme: the request's, where no proxy says another.
    :param host: the request's ``Host``, for ``X-Forwarded-Port`` where no proxy says another.
    :raises BadRequest: a header is malformed, or two contradict each other.
    """
    by_x = _read_x_forwarded(headers, trusted)
    by_forwarded = _read_forwarded(headers[FORWARDED], trusted) if FORWARDED in headers else {}
    proto = _agreed(_checked_proto(by_x), _checked_proto(by_forwarded))
    if "port" in by_x:  # and no host: it is the port of the one that counts without it
        by_x.setdefault("host", by_forwarded.get("host", host))
    scheme = proto or scheme
    return Forwarding(
        _agreed(by_x.get("for"), by_forwarded.get("for")),
        proto,
        _agreed(_checked_host(by_x, scheme), _checked_host(by_forwarded, scheme)),
        _checked_prefix(by_x),
    )


def _read_forwarded(value: str, trusted: TrustedPeers) -> dict[str, str]:
    """Each proxy adds an element on the right; the outermost trusted one knows best."""
    said: dict[str, str] = {}
    for element in reversed(parse_forwarded(value)):
        said |= {name: element[name] for name in ("proto", "host") if name in element}
        if "for" not in element:
            break
        said["for"] = parse_node(element["for"], "Forwarded")
        if not _is_proxy(said["for"], trusted):
            break
    return said


def _read_x_forwarded(headers: Mapping[str, str], trusted: TrustedPeers) -> dict[str, str]:
    """Each proxy adds a value on the right of X-Forwarded-For; of the others see ``_paired``."""
    said: dict[str, str] = {}
    hops = 1
    for hops, node in enumerate(reversed(_split(headers.get(X_FOR, ""))), 1):  # noqa: B007 - kept
        address = node if node in ("", UNIX_PEER) else parse_node(node, "X-Forwarded-For")
        said["for"] = address.removeprefix(UNIX_PEER)
        if not _is_proxy(address, trusted):
            break
    for name, key in _X_VALUES.items():
        if key in headers and (value := _paired(_split(headers[key]), hops, name)):
            said[name] = value
    return said


def _paired(values: Sequence[str], hops: int, name: str) -> str:
    """The outermost trusted proxy's value: each adds one, or one of them has set it alone.

    One that adds an empty value says nothing, and the next one on the right counts.
    """
    if len(values) > 1:
        if len(values) < hops:
            raise BadRequest(f"X-Forwarded-{name.title()} has too few values for X-Forwarded-For.")
        values = values[-hops:]
    return next(filter(None, values), "")


def _split(value: str) -> list[str]:
    """The list's elements, empty ones too: left out, they would move what a client has written
    into the place of what a proxy has added."""
    return [part.strip(" \t") for part in value.split(",")] if value else []


def _is_proxy(address: str, trusted: TrustedPeers) -> bool:
    return bool(address) and address in trusted  # an empty one is hidden, and no Unix socket


def _checked_proto(said: Mapping[str, str]) -> str | None:
    if "proto" not in said:
        return None
    proto = _SCHEMES.get(said["proto"].lower())
    if proto is None:
        raise BadRequest("The forwarded scheme is neither http nor https.")
    return proto


def _checked_prefix(said: Mapping[str, str]) -> str | None:
    if "prefix" not in said:
        return None
    if not _PREFIX.fullmatch(said["prefix"]):
        raise BadRequest("X-Forwarded-Prefix is no path.")
    return said["prefix"].removesuffix("/")


def _checked_host(said: Mapping[str, str], scheme: str) -> str | None:
    if "host" not in said:
        return None
    host = parse_host(said["host"])
    if host is not None and "port" in said:
        host = parse_host(f"{host._replace(port=None)}:{said['port']}")
    if host is None:
        raise BadRequest("The forwarded host or port is none.")
    is_default = host.port == _DEFAULT_PORTS.get(scheme)
    return str(host._replace(port=None) if is_default else host)


def _agreed(one: str | None, other: str | None) -> str | None:
    if one is not None and other not in (None, one):
        raise BadRequest("The headers Forwarded and X-Forwarded contradict each other.")
    return other if one is None else one
