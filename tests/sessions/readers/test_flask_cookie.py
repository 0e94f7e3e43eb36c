"""FlaskCookie: what real Flask apps have written."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import flash
from flask.json.tag import JSONTag
from foreign_cookies import flask_cookie
from markupsafe import Markup

from wsgikit.errors import ConfigurationError
from wsgikit.sessions.readers import FlaskCookie

KEY = "a key for tests"
DATA = {"user": "ada", "cart": [1, {"b": None}], "text": "Grüße \U0001f36a"}


@pytest.fixture(scope="module")
def value():
    return flask_cookie(lambda session: session.update(DATA), SECRET_KEY=KEY)


def test_values_are_read(value):
    assert FlaskCookie(KEY).read(value).data == DATA
    assert FlaskCookie(KEY.encode()).read(value).data == DATA


def test_values_of_special_types_are_read():
    data = {
        "tuple": (1, ("a", [])),
        "bytes": b"\x00\xff",
        "markup": Markup("<b>"),
        "uuid": UUID(int=1),
        "when": datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC),
        "in": {"a list": [(1,)]},
        "looks like a tag": {" t": [1]},
        "so does its beginning": {" t": [1], "b": 2},
        "so does this": [{" di": {" d": 1}}],
    }
    value = flask_cookie(lambda session: session.update(data), SECRET_KEY=KEY)
    read = FlaskCookie(KEY).read(value).data
    assert read == data
    assert type(read["markup"]) is Markup


def test_session_that_looks_like_a_tag_is_read():
    value = flask_cookie(lambda session: session.update({" t": [1]}), SECRET_KEY=KEY)
    assert FlaskCookie(KEY).read(value).data == {" t": [1]}


def test_values_that_flask_reads_as_text_are_texts():
    data = {"day": date(2024, 2, 29), "price": Decimal("1.10")}
    value = flask_cookie(lambda session: session.update(data), SECRET_KEY=KEY)
    assert FlaskCookie(KEY).read(value).data == {
        "day": "Thu, 29 Feb 2024 00:00:00 GMT",
        "price": "1.10",
    }


def test_long_values_are_read():
    value = flask_cookie(lambda session: session.update(a="x" * 3000), SECRET_KEY=KEY)
    assert value.startswith(".")  # compressed
    assert FlaskCookie(KEY).read(value).data == {"a": "x" * 3000}


def test_flashed_messages_are_read():
    value = flask_cookie(lambda _: [flash("one"), flash("two", "error")], SECRET_KEY=KEY)
    assert FlaskCookie(KEY).read(value).data == {"_flashes": [("message", "one"), ("error", "two")]}


def test_permanent_session_stays_permanent():
    value = flask_cookie(lambda session: setattr(session, "permanent", True), SECRET_KEY=KEY)
    assert FlaskCookie(KEY).read(value).data == {"_permanent": True}


def test_tag_of_an_app_s_own_stays_a_dict():
    from flask.sessions import SecureCookieSessionInterface

    class TagComplex(JSONTag):
        key = " c"
        check = staticmethod(lambda value: isinstance(value, complex))
        to_json = staticmethod(str)

    serializer = SecureCookieSessionInterface.serializer
    serializer.register(TagComplex)
    try:
        value = flask_cookie(lambda session: session.update(a=1j), SECRET_KEY=KEY)
    finally:
        del serializer.tags[" c"]
        serializer.order.pop()
    assert FlaskCookie(KEY).read(value).data == {"a": {" c": "1j"}}


def test_keys_of_before_a_rotation_are_taken(value):
    assert FlaskCookie("new", fallbacks=["older", KEY]).read(value).data == DATA
    assert FlaskCookie("new", fallbacks=[KEY, "newer"]).read(value).data == DATA


def test_key_that_flask_signed_with_after_a_rotation_is_its_secret_key():
    fill = {"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": ["old"]}
    value = flask_cookie(lambda session: session.update(DATA), **fill)
    assert FlaskCookie(KEY).read(value).data == DATA


@pytest.mark.parametrize("reader", [FlaskCookie("other"), FlaskCookie("new", fallbacks=["old"])])
def test_other_keys_are_refused(value, reader):
    assert reader.read(value) is None


def test_expired_cookie_is_refused(value, monkeypatch):
    signed = time.time()
    monkeypatch.setattr(time, "time", lambda: signed + 31 * 24 * 3600 - 60)
    assert FlaskCookie(KEY).read(value).data == DATA
    monkeypatch.setattr(time, "time", lambda: signed + 31 * 24 * 3600 + 60)
    assert FlaskCookie(KEY).read(value) is None
    assert FlaskCookie(KEY, max_age=timedelta(days=32)).read(value).data == DATA


def test_other_salt_is_refused():
    from flask.sessions import SecureCookieSessionInterface

    interface = SecureCookieSessionInterface()
    interface.salt = "another"
    app = type("App", (), {"secret_key": KEY, "config": {"SECRET_KEY_FALLBACKS": None}})
    assert FlaskCookie(KEY).read(interface.get_signing_serializer(app).dumps(DATA)) is None


@pytest.mark.parametrize("value", ["", ".", "a.b.c", "\ud800", "€", "x" * 10_000])
def test_what_flask_never_signed_is_refused(value):
    assert FlaskCookie(KEY).read(value) is None


@pytest.mark.parametrize("data", [[1], "text", None, 1])
def test_signed_value_that_is_no_session_is_refused(data):
    reader = FlaskCookie(KEY)
    assert reader.read(reader._serializer.dumps(data)) is None


def test_cookie_is_named_and_placed_as_flask_does():
    reader = FlaskCookie(KEY)
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == ("session", "/", None)
    reader = FlaskCookie(KEY, cookie_name="s", path="/app", domain="example.com")
    assert (reader.name, reader.attributes.path, reader.attributes.domain) == (
        "s",
        "/app",
        "example.com",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret_key": ""},
        {"fallbacks": "old"},
        {"cookie_name": "a b"},
        {"max_age": 0},
        {"path": "app"},
        {"domain": 1},
        {"same_site": "lax"},
        {"secure": False, "partitioned": True},
    ],
    ids=str,
)
def test_wrong_options_are_refused_when_the_pipeline_is_built(wrong):
    with pytest.raises(ConfigurationError):
        FlaskCookie(**{"secret_key": KEY, **wrong})
