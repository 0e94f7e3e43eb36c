"""Whose headers are believed: the proxies before the app, by their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from wsgiref.types import WSGIEnvironment

from .environ import PEER, TRUSTED_PEER
from .errors import ConfigurationError
from .option_lists import list_of

UNIX = "unix"
"""Stands for peers on a Unix socket, which have no address: servers give an empty one."""

UNIX_PEER = "unix:"
"""What nginx says in place of such a peer's address."""


class TrustedPeers:
    """The peers at these addresses: ``"10.1.2.3" in TrustedPeers(["10.0.0.0/8"])``.

    :param networks: IP addresses, networks in CIDR notation, and ``"unix"`` for whoever can open
        the server's Unix socket.
    :raises ConfigurationError: one of them is none of these.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        given = list_of("networks", networks, "10.0.0.0/8")
        self._has_unix = UNIX in given
        self._networks = tuple(map(_checked, given - {UNIX}))
        self._trusts = lru_cache(maxsize=256)(self._find)

    def __bool__(self) -> bool:
        """Whether anybody is trusted."""
        return self._has_unix or bool(self._networks)

    def __contains__(self, address: str) -> bool:
        return self._trusts(address)

    def _find(self, address: str) -> bool:
        if address in ("", UNIX_PEER):
            return self._has_unix
        peer = parse_address(address)
        return peer is not None and any(peer in network for network in self._networks)


def has_trusted_peer(environ: WSGIEnvironment, own: TrustedPeers | None) -> bool:
    """Whether the connection came from one of ``own``; None: whom ``ProxyMiddleware`` trusts."""
    if own is None:
        return bool(environ.get(TRUSTED_PEER, False))
    return str(environ.get(PEER, environ.get("REMOTE_ADDR", ""))) in own


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address that ``text`` is, or None. An IPv4 one in IPv6 (``::ffff:…``) is IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """The network that ``text`` is in CIDR notation, or the one of an address alone.

    One of IPv4 in IPv6 (``::ffff:…``) is IPv4, as addresses are for :func:`parse_address`.

    :raises ValueError: it is none.
    """
    network = ip_network(text)
    begin = getattr(network.network_address, "ipv4_mapped", None)
    if begin is not None and network.prefixlen >= 96:
        return ip_network(f"{begin}/{network.prefixlen - 96}")
    return network


def _checked(text: str) -> IPv4Network | IPv6Network:
    try:
        return parse_network(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no address or network: {error}.\n\n"
            f"Write one such as '10.0.0.0/8' or '::1', or {UNIX!r} for a Unix socket."
        ) from error
