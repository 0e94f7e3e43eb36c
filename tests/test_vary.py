"""What caches are told."""

import pytest

from wsgikit.vary import add_vary, keep_cookie_private

TYPE = ("Content-Type", "text/plain")


def vary_of(headers, name="Cookie"):
    headers = list(headers)
    add_vary(headers, name)
    return headers


def test_name_is_added_where_none_was():
    assert vary_of([TYPE]) == [TYPE, ("Vary", "Cookie")]


def test_name_is_added_to_the_ones_there_and_other_headers_stay():
    headers = [("VARY", "Accept, Accept-Encoding"), TYPE]
    assert vary_of(headers) == [("VARY", "Accept, Accept-Encoding, Cookie"), TYPE]


@pytest.mark.parametrize("value", ["Cookie", "cookie", "Accept, COOKIE", "Accept,cookie ,Origin"])
def test_name_that_is_there_is_not_repeated(value):
    assert vary_of([("Vary", value)]) == [("Vary", value)]


@pytest.mark.parametrize("value", ["*", "Accept, *"])
def test_star_already_says_everything(value):
    assert vary_of([("Vary", value)]) == [("Vary", value)]


def test_part_of_another_name_is_not_the_name():
    assert vary_of([("Vary", "X-Cookie")]) == [("Vary", "X-Cookie, Cookie")]


def test_empty_header_gets_the_name_alone():
    assert vary_of([("Vary", "")]) == [("Vary", "Cookie")]


@pytest.mark.parametrize("second", ["Cookie", "*"])
def test_name_in_a_second_header_line_is_not_repeated(second):
    headers = [("Vary", "Accept"), ("Vary", second)]
    assert vary_of(headers) == headers


def test_name_is_added_once_however_often_asked():
    headers = []
    add_vary(headers, "Cookie")
    add_vary(headers, "Cookie")
    assert headers == [("Vary", "Cookie")]


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (None, ['no-cache="Set-Cookie"']),
        ("public, max-age=60", ['public, max-age=60, no-cache="Set-Cookie"']),
        ("", ['no-cache="Set-Cookie"']),
        ("private", ["private"]),
        ("No-Store", ["No-Store"]),
        ("no-cache", ["no-cache"]),
    ],
)
def test_shared_caches_are_told_to_keep_no_cookie(control, expected):
    headers = [] if control is None else [("cache-control", control)]
    keep_cookie_private(headers)
    assert [value for _, value in headers] == expected
