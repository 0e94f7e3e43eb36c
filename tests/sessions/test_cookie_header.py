"""find_values: the same as werkzeug's parser finds, with and without it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.http import parse_cookie

from wsgikit.sessions.chunks import join
from wsgikit.sessions.cookie_header import MAX_VALUES, find_values

NAME = "name"

HEADERS = [
    "name=value",
    "a=1; name=value; b=2",
    "name=",
    "name",
    "name; a=1",
    "name==value=",
    "name=value;b=2",
    "a=1;name=value",
    "a=1; ;name=value",
    ";name=value",
    "a=1;  name=value",
    "a=1;\tname=value",
    "\tname=value",
    "name =value",
    "name= value",
    "name=value ;a=1",
    "name=va lue",
    "name=va\tlue",
    "name=va,lue",
    "name=\xff\n\x00",
    "a name=value",
    "a; name=value",
    "=; name=value",
    "a=b c; name=value",
    "xname=value",
    "name2=value",
    "a=name=value",
    "a=name; name=value",
    "xname=1; name=value",
    "name=value; namex=1",
    "name=1; name=2",
    "Name=value",
    'name="value"',
    'name="va;lue"',
    'a="; name=inner; b="; name=outer',
    'a="; name=value',
    'name=value; a="quoted"',
    'name=va"lue',
    "name=2*va; name.1=lue",
    "name=2*va",
    "name=a*b",
    "name.1=value",
    "; ".join(["name=value"] * (MAX_VALUES + 1)),
]
"""How each of these is read, the parser says; the tests that follow make many more of them."""

pieces = st.sampled_from(
    ["name", "=", ";", "; ", " ", "\t", '"', "\\", "value", "a", "*", "2*", ".1", "x", "\xff"]
)


def parsed(header, max_chunks):
    return [*join(NAME, parse_cookie(header), max_chunks=max_chunks)][:MAX_VALUES]


@pytest.mark.parametrize("max_chunks", [1, 2])
@pytest.mark.parametrize("header", HEADERS)
def test_values_are_those_that_the_parser_finds(header, max_chunks):
    assert find_values(NAME, header, max_chunks=max_chunks) == parsed(header, max_chunks)


@given(st.lists(pieces, max_size=20).map("".join))
def test_parser_agrees_on_random_headers(header):
    assert find_values(NAME, header, max_chunks=2) == parsed(header, 2)


@given(st.lists(st.sampled_from(HEADERS), max_size=3).map("; ".join))
def test_parser_agrees_on_several_cookies(header):
    assert find_values(NAME, header, max_chunks=2) == parsed(header, 2)


@pytest.mark.parametrize("header", ["name=value", "a=1; name=value; b=2", "a=b; name="])
def test_plain_cookie_is_found_without_the_parser(header, monkeypatch):
    expected = parsed(header, 1)
    monkeypatch.delattr("wsgikit.sessions.cookie_header.parse_cookie")
    assert find_values(NAME, header, max_chunks=1) == expected
