"""The syntax of RFC 7239's Forwarded, and of the addresses there and in X-Forwarded-For."""

from __future__ import annotations

import re
from functools import lru_cache

from werkzeug.exceptions import BadRequest

from .trusted_peers import parse_address

# The possessive groups keep the time linear: a client chooses the text.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_UNQUOTED = r"[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]++"  # with what some proxies forget to quote
_QUOTED = r'"((?>[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+)"'
_PAIR = re.compile(rf"[\t ]*+(?:({_TOKEN})=(?:({_UNQUOTED})|{_QUOTED})[\t ]*+)?([;,]|\Z)")
_ESCAPE = re.compile(r"\\(.)")

_PORT = r"(?::(?:[0-9]{1,5}|_[a-z0-9._-]+))?"
_NODE = re.compile(
    rf"(?:\[([0-9a-f]*:[0-9a-f:.]+)\]|([0-9.]+)|(unknown|_[a-z0-9._-]+)){_PORT}",
    re.ASCII | re.IGNORECASE,
)


def parse_forwarded(value: str) -> list[dict[str, str]]:
    """The elements of a ``Forwarded`` header: values without quotes, by parameter in lower case.

    An element may be empty (section 4): its proxy says nothing.

    :raises BadRequest: it is malformed (RFC 7239, section 4). None of it can be believed then: a
        quote that a client leaves open takes in what the proxies have added.
    """
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(value):
        pair = _PAIR.match(value, position)
        if pair is None:
            raise BadRequest("The header Forwarded is malformed.")
        name, unquoted, quoted, separator = pair.groups()
        if name is not None:
            _add(elements[-1], name.lower(), unquoted or _ESCAPE.sub(r"\1", quoted or ""))
        if separator == ",":
            elements.append({})
        position = pair.end()
    return elements


def _add(element: dict[str, str], name: str, value: str) -> None:
    if name in element:
        raise BadRequest("The header Forwarded says one thing twice.")
    element[name] = value


@lru_cache(maxsize=256)
def parse_node(node: str, header: str) -> str:
    """The IP address of a node, without its port; empty when its proxy hides it (section 6.3).

    :raises BadRequest: it is no address, but a name or a network, say.
    """
    match = _NODE.fullmatch(node)
    if match is not None and match[3]:
        return ""
    text = node if match is None else match[1] or match[2]
    address = parse_address(text)
    if address is None or "%" in text:  # a zone may be any text, and is no client's
        raise BadRequest(f"{header} holds no IP address where one belongs.")
    return str(address)
