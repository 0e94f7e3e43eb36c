"""CookieAttributes: each Set-Cookie value is what werkzeug's dump_cookie makes."""

import itertools
import time
from datetime import datetime
from functools import partial

import pytest
from werkzeug import http
from werkzeug.http import dump_cookie

from wsgikit.sessions.cookie import CookieAttributes
from wsgikit.sessions.visitor import Visitor

NOW = 1_700_000_000.7
OPTIONS = {
    "path": ["/", "/app", "/a b/é;x"],
    "domain": [None, "example.org", "müller.example:80"],
    "secure": [None, True],
    "http_only": [True, False],
    "same_site": [None, "Lax", "Strict", "None"],
    "partitioned": [False, True],
}
NAMES = ["wsgikit_session", "__Host-session", "__Secure-session", "name.1"]
VALUES = ["WzEse31d.ZVPxAA.AP37r3RtONKJ5r-_", "2*WzEs", ""]


class Now(datetime):
    """The clock of werkzeug."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(http, "datetime", Now)


def expected(attributes, name, value, max_age, https):
    is_prefixed = name.startswith("__")
    secure = https if attributes.secure is None else attributes.secure
    return dump_cookie(
        name,
        value,
        max_age=max_age,
        expires=0 if max_age == 0 else None,
        path=attributes.path,
        domain=attributes.domain,
        secure=is_prefixed or secure,
        httponly=attributes.http_only,
        samesite=attributes.same_site,
        partitioned=attributes.partitioned,
        max_size=0,
    )


def cookies():
    return itertools.product(NAMES, VALUES, [None, 0, 1, 3600], [False, True])


@pytest.mark.parametrize("choice", [*itertools.product(*OPTIONS.values())], ids=str)
def test_header_is_that_of_werkzeug(choice):
    attributes = CookieAttributes(**dict(zip(OPTIONS, choice, strict=True)))
    for _ in range(2):  # made, and found again
        for name, value, max_age, https in cookies():
            header = attributes.header(name, value, max_age, Visitor("", https, "", ""))
            assert header == expected(attributes, name, value, max_age, https)


def _noted(made, *args, **options):
    made.append(options)
    return dump_cookie(*args, **options)


def test_attributes_are_rendered_once_a_second_at_most(monkeypatch):
    made = []
    dump = partial(_noted, made)
    monkeypatch.setattr("wsgikit.sessions.cookie.dump_cookie", dump)
    attributes, visitor = CookieAttributes(), Visitor("", False, "", "")
    headers = [attributes.header("name", value, 60, visitor) for value in ("a", "b", "c")]
    assert [header.partition(";")[0] for header in headers] == ["name=a", "name=b", "name=c"]
    assert len(made) == 1
    monkeypatch.setattr(time, "time", lambda: NOW + 1)
    later = attributes.header("name", "a", 60, visitor)
    assert later == headers[0].replace("22:14:20", "22:14:21")
