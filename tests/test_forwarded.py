"""The syntax of RFC 7239's Forwarded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from wsgikit.forwarded import parse_forwarded, parse_node


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("for=192.0.2.60;proto=http;by=a", [{"for": "192.0.2.60", "proto": "http", "by": "a"}]),
        ("for=192.0.2.43, for=198.51.100.17", [{"for": "192.0.2.43"}, {"for": "198.51.100.17"}]),
        ('For="[2001:db8:cafe::17]:4711"', [{"for": "[2001:db8:cafe::17]:4711"}]),
        ("for=192.0.2.43:47011", [{"for": "192.0.2.43:47011"}]),
        ("for=[2001:db8::1]:80", [{"for": "[2001:db8::1]:80"}]),
        ('for="_gazonk"', [{"for": "_gazonk"}]),
        ("FOR=unknown;Proto=HTTPS", [{"for": "unknown", "proto": "HTTPS"}]),
        ("for=a\t;\tproto=b ,  for=c", [{"for": "a", "proto": "b"}, {"for": "c"}]),
        ('host="a;proto=https;b"', [{"host": "a;proto=https;b"}]),
        ('host="a, for=1.2.3.4"', [{"host": "a, for=1.2.3.4"}]),
        (r'host="a\"b\\c"', [{"host": 'a"b\\c'}]),
        ('host="\x80"', [{"host": "\x80"}]),
        ('host=""', [{"host": ""}]),
        (";;for=a;", [{"for": "a"}]),
        (", ,for=a,;,", [{}, {}, {"for": "a"}, {}, {}]),
        ("", [{}]),
        ("  ", [{}]),
    ],
)
def test_elements(value, elements):
    assert parse_forwarded(value) == elements


@pytest.mark.parametrize(
    "value",
    [
        "for",
        "for=",
        "=a",
        "for =a",
        "for= a",
        'for="a',
        'for="a\\"',
        'for="a"b',
        'for=a"b"',
        'for=unknown;host=", for=192.0.2.1',
        "for=a b",
        "for=a/b",
        "for=a\nhost=b",
        'for="a\nb"',
        'for="a\x7f"',
        "for=\x80",
        "for:a",
        "for=a:host=b",
        "for=a&host=b",
    ],
)
def test_malformed_header_is_refused(value):
    with pytest.raises(BadRequest, match="malformed"):
        parse_forwarded(value)


@pytest.mark.parametrize("value", ["for=a;for=b", "for=a;FOR=a", 'host=a;proto=http;host="b"'])
def test_parameter_that_comes_twice_is_refused(value):
    with pytest.raises(BadRequest, match="twice"):
        parse_forwarded(value)


PIECES = ["for", "host", "proto", "=", ";", ",", '"', "\\", "1.2.3.4", "[::1]", " ", "_x", "a:80"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_is_read_or_refused(value):
    try:
        elements = parse_forwarded(value)
    except BadRequest:
        return
    for element in elements:
        assert all(name == name.lower() and name.isascii() for name in element)


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+.^_`|~-", min_size=1)
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"))
ELEMENTS = st.lists(st.dictionaries(TOKENS, TEXTS), min_size=1)


def quoted(value):
    return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'


@given(ELEMENTS)
def test_what_was_quoted_is_read_as_it_was(elements):
    header = ", ".join(
        ";".join(f"{name}={quoted(value)}" for name, value in element.items())
        for element in elements
    )
    assert parse_forwarded(header) == elements


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("192.0.2.43", "192.0.2.43"),
        ("192.0.2.43:47011", "192.0.2.43"),
        ("192.0.2.43:_port", "192.0.2.43"),
        ("[2001:DB8::17]", "2001:db8::17"),
        ("[2001:db8::17]:4711", "2001:db8::17"),
        ("2001:db8::17", "2001:db8::17"),
        ("::ffff:192.0.2.43", "192.0.2.43"),
        ("unknown", ""),
        ("Unknown:80", ""),
        ("_hidden", ""),
        ("_SEVKISEK.1-2:_x", ""),
    ],
)
def test_address_of_a_node(node, address):
    assert parse_node(node, "Forwarded") == address


@pytest.mark.parametrize(
    "node",
    [
        "",
        "localhost",
        "example.org",
        "10.0.0.0/8",
        "10.1",
        "010.0.0.1",
        "256.0.0.1",
        "0x7f.0.0.1",
        "2130706433",
        "1.2.3.4:",
        "1.2.3.4:123456",
        "1.2.3.4 ",
        "[1.2.3.4]",
        "[::1",
        "[::1]x",
        "[]",
        "fe80::1%eth0",
        "fe80::1%<b>",
        "[fe80::1%eth0]",
        "1.2.3.4\n",
        "\u0661.2.3.4",
        "_",
        "unknown.example.org",
        "_a b",
    ],
)
def test_node_without_an_address_is_refused(node):
    with pytest.raises(BadRequest, match="X-Forwarded-For holds no IP address"):
        parse_node(node, "X-Forwarded-For")


@given(st.text())
def test_any_node_is_an_address_or_hidden_or_refused(node):
    try:
        address = parse_node(node, "Forwarded")
    except BadRequest:
        return
    assert set(address) <= set("0123456789abcdef:.")
