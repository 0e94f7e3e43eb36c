"""Chunks: a value comes back whole or not at all, whatever else the Cookie header brings."""

from itertools import islice

import pytest
from gunicorn.config import LimitRequestFieldSize
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.http import dump_cookie
from werkzeug.sansio.http import parse_cookie

from wsgikit.sessions.chunks import MAX_CHUNKS, PIECE, join, split, stale

NAME = "wsgikit_session"
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
VALUES = st.text(CHARS, max_size=300)


def sent_back(pieces):
    """The cookies of a browser that keeps these."""
    return parse_cookie("; ".join(f"{name}={value}" for name, value in pieces.items()))


def distinct(length):
    """A text in which no part is like another."""
    return "".join(f"{number:05x}" for number in range(length // 5 + 1))[:length]


@given(VALUES, st.integers(25, 60), st.randoms())
def test_value_comes_back_in_whatever_order_the_pieces_come(value, piece, choose):
    pieces = list(split(NAME, value, max_chunks=99, piece=piece).items())
    choose.shuffle(pieces)
    assert list(join(NAME, sent_back(dict(pieces)), max_chunks=99)) == [value]


@given(VALUES, st.integers(25, 60))
def test_no_piece_is_larger_than_asked(value, piece):
    pieces = split(NAME, value, max_chunks=99, piece=piece)
    assert all(len(f"{name}={part}") <= piece for name, part in pieces.items())


def test_more_than_ten_pieces_are_joined_by_their_numbers():
    value = distinct(200)
    pieces = split(NAME, value, max_chunks=99, piece=30)
    assert len(pieces) > 10
    assert list(join(NAME, sent_back(dict(sorted(pieces.items()))), max_chunks=99)) == [value]


def test_pieces_are_named_and_counted():
    assert split("s", "abcdef", max_chunks=3, piece=6) == {"s": "3*ab", "s.1": "cd", "s.2": "ef"}


def test_small_value_is_one_cookie_as_ever():
    assert split("s", "abcd", piece=6) == {"s": "abcd"}
    assert split("s", "") == {"s": ""}


@pytest.mark.parametrize(("length", "count"), [(3484, 1), (3485, 2), (6964, 2)])
def test_default_number_and_size(length, count):
    pieces = split(NAME, "x" * length)
    assert len(pieces) == count
    assert max(len(f"{name}={part}") for name, part in pieces.items()) <= PIECE == 3500


def test_too_long_a_value_is_not_split():
    assert split(NAME, "x" * 6965) is None
    assert split(NAME, "x" * 6965, max_chunks=3) is not None
    assert split(NAME, "x" * 3485, max_chunks=1) is None


def test_pieces_leave_room_for_attributes_and_for_other_cookies():
    pieces = split(NAME, "x" * 6964)
    assert len(pieces) == MAX_CHUNKS
    domain, path = f"{'d' * 60}.{'d' * 60}.example", f"/{'p' * 200}"
    for name, part in pieces.items():
        header = dump_cookie(
            name, part, max_age=2678400, domain=domain, path=path, secure=True, httponly=True,
            samesite="Strict", partitioned=True, max_size=0,
        )  # fmt: skip
        assert len(header) <= 4093
    line = "Cookie: " + "; ".join(f"{name}={part}" for name, part in pieces.items()) + "\r\n"
    assert len(line) + 1100 <= LimitRequestFieldSize.default == 8190


def test_pieces_need_no_quotes():
    for name, part in split("s", "abcdef", max_chunks=3, piece=6).items():
        assert dump_cookie(name, part, path=None) == f"{name}={part}"


# What else a request may bring


@pytest.mark.parametrize("missing", ["s", "s.1", "s.2"])
def test_missing_piece_is_no_value(missing):
    pieces = split("s", "abcdef", max_chunks=3, piece=6)
    del pieces[missing]
    assert list(join("s", sent_back(pieces), max_chunks=3)) == []


def test_more_pieces_than_allowed_are_no_value():
    pieces = split("s", "abcdef", max_chunks=3, piece=6)
    assert list(join("s", sent_back(pieces), max_chunks=2)) == []
    assert list(join("s", sent_back(pieces))) == []


def test_pieces_beyond_the_number_do_not_count():
    pieces = {**split("s", "abcdef", max_chunks=3, piece=6), "s.3": "old", "s.01": "x", "s.x": "y"}
    assert list(join("s", sent_back(pieces), max_chunks=9)) == ["abcdef"]


def test_stale_pieces_do_not_count_for_a_small_value():
    assert list(join("s", MultiDict({"s": "small", "s.1": "old"}))) == ["small"]


def test_each_cookie_of_a_name_is_tried():
    cookies = MultiDict(
        [("s", "tossed"), ("s", "2*ab"), ("s", "2*AB"), ("s.1", "tossed"), ("s.1", "cd")]
    )
    assert list(join("s", cookies)) == ["tossed", "abtossed", "abcd", "ABtossed", "ABcd"]


def test_any_number_of_tossed_pieces_takes_no_time_until_it_is_tried():
    pieces = [(f"s.{number}", "x") for number in range(1, 99) for _ in range(9)]
    values = join("s", MultiDict([("s", "99*"), *pieces]), max_chunks=99)
    assert list(islice(values, 8)) == ["x" * 98] * 8


@pytest.mark.parametrize("value", ["1*a", "0*a", "02*a", "-2*a", "100*a", "*a", "2", "²*a", "1٣*a"])
def test_other_beginnings_are_no_number_of_pieces(value):
    cookies = MultiDict([("s", value), ("s.1", "b"), ("s.2", "c")])
    assert list(join("s", cookies, max_chunks=99)) == [value]


def test_stale_pieces_are_those_brought_and_not_written():
    cookies = MultiDict(
        [(name, "x") for name in ("s", "s.1", "s.2", "s.11", "s.0", "s.100", "s.x", "sx1", "t.1")]
    )
    assert stale("s", cookies, {"s": "2*", "s.1": "x"}) == ["s.2", "s.11"]
    assert stale("s", cookies, ()) == ["s.1", "s.2", "s.11"]


def test_name_is_no_pattern_of_stale_pieces():
    assert stale("s.", MultiDict({"s..1": "x", "sx.1": "x"}), ()) == ["s..1"]
