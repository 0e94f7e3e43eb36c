"""SignedCookie: the sessions of a SessionMiddleware that kept them in the cookie."""

import time
from datetime import date

import pytest
from webtest import TestApp

from wsgikit import App, session
from wsgikit.middleware import standard
from wsgikit.sessions import SignedCodec
from wsgikit.sessions.readers import SignedCookie

KEY, NAME = "a key for tests", "wsgikit_session"
DATA = {"user": "ada", "cart": [(1,), {2: None}], "day": date(2024, 2, 29)}


def cookie_of(data, **config):
    """The value that a site with its sessions in the cookie sets."""
    app = App("before", config={"SECRET_KEY": KEY, "TESTING": True, **config})

    @app.get("/")
    def fill():
        session.update(data)
        return ""

    client = TestApp(standard(app))
    client.get("/")
    (value,) = client.cookies.values()
    return value


def test_values_are_read():
    assert SignedCookie(KEY).read(cookie_of(DATA)).data == DATA


def test_session_of_one_key_that_looks_like_a_tag_is_read():
    assert SignedCookie(KEY).read(cookie_of({"$date": "today"})).data == {"$date": "today"}


def test_permanent_session_stays_permanent():
    assert SignedCookie(KEY).read(cookie_of({"_permanent": True})).data == {"_permanent": True}


def test_keys_of_before_a_rotation_are_taken():
    value = cookie_of(DATA)
    assert SignedCookie("new", fallbacks=["older", KEY]).read(value).data == DATA
    assert SignedCookie("new", fallbacks=["older"]).read(value) is None


def test_cookie_of_another_name_is_refused():
    value = cookie_of(DATA, SESSION_COOKIE_NAME="another")
    assert SignedCookie(KEY).read(value) is None
    assert SignedCookie(KEY, cookie_name="another").read(value).data == DATA


def test_expired_cookie_is_refused(monkeypatch):
    value, signed = cookie_of(DATA), time.time()
    monkeypatch.setattr(time, "time", lambda: signed + 31 * 24 * 3600 + 60)
    assert SignedCookie(KEY).read(value) is None
    assert SignedCookie(KEY, max_age=32 * 24 * 3600).read(value).data == DATA


def test_age_is_kept():
    began = int(time.time()) - 1000
    text = f'[{began},{{"a":1}}]'
    read = SignedCookie(KEY).read(SignedCodec(NAME, KEY.encode()).seal(text))
    assert (read.data, read.created) == ({"a": 1}, began)
    assert read.signed_at > began


@pytest.mark.parametrize("text", ['"an id in a store"', "[1]", "[1,2]", "{}", "", "[1,2,3]"])
def test_signed_value_that_is_no_session_is_refused(text):
    assert SignedCookie(KEY).read(SignedCodec(NAME, KEY.encode()).seal(text)) is None


@pytest.mark.parametrize("value", ["", ".", "a.b.c", "\ud800", "€", "x" * 10_000])
def test_what_was_never_signed_is_refused(value):
    assert SignedCookie(KEY).read(value) is None


def test_cookie_is_named_and_placed_as_ours():
    reader = SignedCookie(KEY)
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == (NAME, "/", None)
