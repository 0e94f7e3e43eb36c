"""What a Host header names, and whether that is a host that is served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from .errors import ConfigurationError
from .option_lists import list_of
from .trusted_peers import parse_address, parse_network

_LABEL = "[a-z0-9-]+"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_HOST = re.compile(
    rf"({_NAME}\.?|\[[0-9a-f]*:[0-9a-f:.]+\])(?::([0-9]{{1,5}}))?", re.ASCII | re.IGNORECASE
)
_SUFFIX = re.compile(rf"\.?{_NAME}", re.ASCII)
_MAX_PORT = 65535
_LONGEST_LABEL = 63


class Host(NamedTuple):
    """A host's name in lower case, without a trailing dot and brackets; and its port, if given."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


def parse_host(text: str) -> Host | None:
    """What ``text`` names by the syntax of RFC 3986, section 3.2.2, or None.

    Names are those of the DNS in ASCII: no user, no path, no escapes and no underscore.
    """
    match = _HOST.fullmatch(text)
    if match is None or not is_encoded_well(text):
        return None
    name, port = match[1].lower().removesuffix("."), int(match[2] or 0)
    if name[0] == "[":
        address = parse_address(name[1:-1])
        if address is None:
            return None
        name = str(address)
    if match[2] and not 1 <= port <= _MAX_PORT:
        return None
    return Host(name, port or None)


def is_encoded_well(host: str) -> bool:
    """Whether all labels can be written in ASCII and Unicode (IDNA 2003), as in URLs and IRIs."""
    name = host.partition(":")[0].lower()
    if len(name) <= _LONGEST_LABEL and "xn--" not in name:
        return True
    try:
        return bool(name.encode("idna").decode("idna"))
    except UnicodeError:
        return False


class TrustedHosts:
    """The hosts of these names: ``"www.example.org" in TrustedHosts([".example.org"])``.

    :param hosts: names such as ``"example.org"``; with a dot in front, all names below it too;
        IP addresses, and networks in CIDR notation. Other alphabets are encoded (IDNA).
    :raises ConfigurationError: one of them is none of these, or there is none.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        given = list_of("hosts", hosts, "example.org")
        if not given:
            raise ConfigurationError(
                "No host is trusted.\n\nWrite the names that the site is reached by: "
                "['example.org', '.example.net']."
            )
        networks = {host: _network(host) for host in given}
        self._networks = [network for network in networks.values() if network is not None]
        names = [_checked(host) for host, network in networks.items() if network is None]
        self._suffixes = tuple(name for name in names if name[0] == ".")
        self._names = frozenset(name.removeprefix(".") for name in names)
        self._trusts = lru_cache(maxsize=256)(self._find)

    def __contains__(self, name: str) -> bool:
        return self._trusts(name)

    def _find(self, name: str) -> bool:
        if name in self._names or name.endswith(self._suffixes):
            return True
        address = parse_address(name)
        return address is not None and any(address in network for network in self._networks)


def _network(host: str) -> IPv4Network | IPv6Network | None:
    try:
        return parse_network(host.strip("[]"))
    except ValueError:
        return None


def _checked(host: str) -> str:
    try:
        unicode = host.lower().lstrip(".")
        name = unicode.encode("idna").decode().removesuffix(".")
        if "xn--" not in unicode and name.encode().decode("idna") != unicode.removesuffix("."):
            name = ""  # such as "ß", of which IDNA 2003 makes "ss", and browsers another name
    except UnicodeError:
        name = ""
    name = f".{name}" if host.startswith(".") else name
    if not _SUFFIX.fullmatch(name):
        raise ConfigurationError(
            f"{host!r} is no host, suffix or network.\n\nWrite 'example.org', '.example.org' for "
            "all below it too, or '10.0.0.0/8'; no scheme, port or '*'. A name with letters such "
            "as 'ß' is written as browsers send it: 'xn--…'."
        )
    return name
