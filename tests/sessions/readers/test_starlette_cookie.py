"""StarletteCookie: what real Starlette apps have written."""

import json
import time
from base64 import b64encode
from datetime import timedelta

import pytest
from foreign_cookies import starlette_cookie
from itsdangerous import TimestampSigner

from wsgikit.sessions.readers import StarletteCookie

KEY = "a key for tests"
DATA = {"user": "ada", "cart": [1, {"b": None}], "text": "Grüße \U0001f36a"}
READ = {"_permanent": True, **DATA}
DAY = 24 * 3600


@pytest.fixture(scope="module")
def value():
    return starlette_cookie(lambda session: session.update(DATA), secret_key=KEY)


def test_values_are_read(value):
    assert StarletteCookie(KEY).read(value).data == READ
    assert StarletteCookie(KEY.encode()).read(value).data == READ


def test_session_is_permanent_as_its_cookie_was(value):
    assert StarletteCookie(KEY).read(value).data["_permanent"] is True


def test_other_key_is_refused(value):
    assert StarletteCookie("other").read(value) is None


def test_expired_cookie_is_refused(value, monkeypatch):
    signed = time.time()
    monkeypatch.setattr(time, "time", lambda: signed + 14 * DAY - 60)
    assert StarletteCookie(KEY).read(value).data == READ
    monkeypatch.setattr(time, "time", lambda: signed + 14 * DAY + 60)
    assert StarletteCookie(KEY).read(value) is None
    assert StarletteCookie(KEY, max_age=timedelta(days=15)).read(value).data == READ


def test_other_salt_is_refused():
    signer = TimestampSigner(KEY, salt="another")
    assert StarletteCookie(KEY).read(signer.sign(b64encode(json.dumps(DATA).encode()))) is None


@pytest.mark.parametrize("value", ["", "null", "a.b.c", "\ud800", "€", "x" * 10_000])
def test_what_starlette_never_signed_is_refused(value):
    assert StarletteCookie(KEY).read(value) is None


@pytest.mark.parametrize("payload", [b"!", b"e", b"W10=", b"bnVsbA==", b"eyI="])
def test_signed_value_that_is_no_session_is_refused(payload):
    assert StarletteCookie(KEY).read(TimestampSigner(KEY).sign(payload).decode()) is None


def test_cookie_is_named_and_placed_as_starlette_does():
    reader = StarletteCookie(KEY)
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == ("session", "/", None)
    reader = StarletteCookie(KEY, cookie_name="s", path="/app", domain="example.com")
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == (
        "s",
        "/app",
        "example.com",
    )
