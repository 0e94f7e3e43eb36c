"""SessionMiddleware with readers: sessions of the framework that the site had before go on."""

import os
import time

import pytest
from foreign_cookies import django_cookie
from itsdangerous import TimestampSigner

from wsgikit.environ import SESSION
from wsgikit.middleware import SessionMiddleware
from wsgikit.sessions import MemoryStore
from wsgikit.sessions.readers import DjangoCookie, FlaskCookie, SignedCookie, StarletteCookie

KEY = "a key for tests"


def flask_cookie(**values):
    import flask

    app = flask.Flask("former")
    app.secret_key = KEY

    @app.get("/")
    def index():
        flask.session.update(values)
        return "ok"

    with app.test_client() as client:
        client.get("/")
        return client.get_cookie("session").value


class Site:
    """A session layer, and a browser that keeps its cookies."""

    def __init__(self, serve, **options):
        self.serve = serve
        self.cookies = {}
        self.sent = []
        self.environ = {}
        self.layer = SessionMiddleware(self._app, **{"secret_key": KEY, **options})

    def _app(self, environ, start_response):
        self._use(environ[SESSION])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    def visit(self, use):
        self._use = use
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.serve(self.layer, HTTP_COOKIE=header, **self.environ)
        assert answer.error is None
        self.sent = [value for name, value in answer.headers if name == "Set-Cookie"]
        for each in self.sent:
            name, _, value = each.partition(";")[0].partition("=")
            if "Max-Age=0" in each:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def read(self):
        seen = []
        self.visit(lambda session: seen.append(dict(session)))
        return seen[0]


@pytest.fixture(params=["cookie", "encrypted", "store", "spill"])
def options(request):
    return {
        "cookie": {},
        "encrypted": {"encrypted": True},
        "store": {"store": MemoryStore()},
        "spill": {"store": MemoryStore(), "oversize": "spill"},
    }[request.param]


def test_session_goes_on_and_is_written_as_ours_by_the_first_response(serve, options):
    site = Site(serve, readers=[FlaskCookie(KEY)], **options)
    site.cookies = {"session": flask_cookie(user="ada")}
    assert site.read() == {"user": "ada"}
    assert list(site.cookies) == ["wsgikit_session"]  # the browser has forgotten the other
    assert site.read() == {"user": "ada"}
    assert site.sent == []


def test_session_that_is_not_touched_is_left_where_it_is(serve, options):
    site = Site(serve, readers=[FlaskCookie(KEY)], **options)
    site.cookies = {"session": flask_cookie(user="ada")}
    site.visit(lambda session: None)
    assert site.sent == []


def test_session_of_ours_comes_first(serve, options):
    site = Site(serve, readers=[FlaskCookie(KEY)], **options)
    site.visit(lambda session: session.update(user="bob"))
    site.cookies["session"] = flask_cookie(user="ada")
    assert site.read() == {"user": "bob"}


@pytest.mark.parametrize("leave", ["destroy", "clear"])
def test_logout_does_not_bring_the_former_session_back(serve, options, leave):
    site = Site(serve, readers=[FlaskCookie(KEY)], **options)
    site.cookies = {"session": flask_cookie(user="ada")}
    site.visit(lambda session: getattr(session, leave)())
    assert site.cookies == {}
    site.visit(lambda session: session.update(user="bob"))
    site.cookies["session"] = flask_cookie(user="ada")
    site.visit(lambda session: getattr(session, leave)())
    assert site.cookies == {}


def test_login_moves_in_with_its_user(serve, options):
    site = Site(serve, readers=[FlaskCookie(KEY, user_key="_user_id")], **options)
    site.cookies = {"session": flask_cookie(_user_id="7")}
    seen = []
    for _ in range(2):
        site.visit(lambda session: seen.append(session.user_id))
    store = options.get("store")
    if store is None:
        assert seen == [None, None]
        return
    assert seen == ["7", "7"]
    assert store.revoke_all("7") == 1
    assert site.read() == {}


def test_readers_are_asked_in_turn(serve, options):
    import base64
    import json

    data = base64.b64encode(json.dumps({"user": "ada"}).encode())
    readers = [FlaskCookie(KEY), StarletteCookie(KEY, cookie_name="sid")]
    site = Site(serve, readers=readers, **options)
    site.cookies = {"session": "forged", "sid": TimestampSigner(KEY).sign(data).decode()}
    assert site.read() == {"user": "ada", "_permanent": True}
    assert list(site.cookies) == ["wsgikit_session"]


def test_session_that_cannot_be_taken_over_is_none_and_a_warning(serve, options, caplog):
    deep = []
    for _ in range(80):
        deep = [deep]
    site = Site(serve, readers=[FlaskCookie(KEY)], **options)
    site.cookies = {"session": flask_cookie(deep=deep)}
    assert site.read() == {}
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_not_every_cookie_of_a_long_header_is_tried(serve):
    reader = FlaskCookie(KEY)
    tried = []
    reader.read = tried.append
    site = Site(serve, readers=[reader])
    site.cookies = {"session": "; session=".join(["forged"] * 100)}
    assert site.read() == {}
    assert len(tried) == 8


def test_cookie_of_our_name_that_only_its_partition_tells_apart_is_expired_first(serve):
    former = Site(serve)
    former.visit(lambda session: session.update(user="ada"))
    site = Site(serve, partitioned=True, store=MemoryStore(), readers=[SignedCookie(KEY)])
    site.cookies = dict(former.cookies)
    site.read()
    expired, ours = site.sent
    assert expired.startswith("wsgikit_session=;")
    assert "Partitioned" not in expired
    assert "Partitioned" in ours
    assert site.read() == {"user": "ada"}


def test_own_cookie_session_moves_into_the_store(serve):
    former = Site(serve)
    former.visit(lambda session: session.update(user="ada"))
    store = MemoryStore()
    site = Site(serve, store=store, readers=[SignedCookie(KEY)])
    site.cookies = former.cookies
    assert site.read() == {"user": "ada"}
    assert len(list(store.iterate())) == 1
    assert list(site.cookies) == ["wsgikit_session"]
    assert site.read() == {"user": "ada"}
    site.visit(lambda session: session.destroy())
    assert site.cookies == {}


def test_plain_cookie_session_moves_into_an_encrypted_one(serve):
    former = Site(serve)
    former.visit(lambda session: session.update(user="ada"))
    site = Site(serve, encrypted=True, readers=[SignedCookie(KEY)])
    site.cookies = dict(former.cookies)
    assert site.read() == {"user": "ada"}
    assert site.cookies != former.cookies
    assert site.read() == {"user": "ada"}


def chunked(serve):
    """The cookies of a site that split a session over two."""
    former = Site(serve, oversize="chunk")
    former.visit(lambda session: session.update(user="ada", big=os.urandom(2500).hex()))
    assert list(former.cookies) == ["wsgikit_session", "wsgikit_session.1"]
    return former.cookies


@pytest.mark.parametrize("name", ["wsgikit_session", "shop"])
def test_split_session_moves_into_the_store_and_leaves_no_pieces(serve, name):
    site = Site(serve, store=MemoryStore(), cookie_name=name, readers=[SignedCookie(KEY)])
    site.cookies = chunked(serve)
    assert site.read()["user"] == "ada"
    assert list(site.cookies) == [name]
    assert site.read()["user"] == "ada"
    site.cookies.update(chunked(serve))
    site.visit(lambda session: session.destroy())
    assert site.cookies == {}


def test_pieces_are_not_joined_in_more_ways_than_are_tried(serve):
    reader = SignedCookie(KEY)
    tried = []
    reader.read = tried.append
    site = Site(serve, store=MemoryStore(), readers=[reader])
    site.cookies = {
        "wsgikit_session": "99*a",
        **{f"wsgikit_session.{n}": f"a; wsgikit_session.{n}=b" for n in range(1, 99)},
    }
    assert site.read() == {}
    assert len(tried) == 8


@pytest.fixture
def clock(monkeypatch):
    """Set the time, in seconds from the test's begin."""
    began = time.time()
    return lambda seconds: monkeypatch.setattr(time, "time", lambda: began + seconds)


def test_session_of_ours_ends_where_it_would_have(serve, options, clock):
    former = Site(serve, secret_key="old")
    former.visit(lambda session: session.update(user="ada"))
    site = Site(serve, absolute_lifetime=100, readers=[SignedCookie("old")], **options)
    site.cookies = dict(former.cookies)
    clock(101)
    assert site.read() == {}


def test_age_goes_on_in_the_cookie(serve, clock):
    former = Site(serve, secret_key="old")
    former.visit(lambda session: session.update(user="ada"))
    site = Site(serve, absolute_lifetime=100, readers=[SignedCookie("old")])
    site.cookies = dict(former.cookies)
    for seconds in (60, 98):
        clock(seconds)
        assert site.read() == {"user": "ada"}
    clock(101)
    assert site.read() == {}


def test_session_is_no_younger_than_its_cookie(serve, options, clock):
    site = Site(serve, absolute_lifetime=100, readers=[FlaskCookie(KEY)], **options)
    site.cookies = {"session": flask_cookie(user="ada")}
    clock(102)
    assert site.read() == {}


ATTRIBUTES = [
    ({}, set()),
    ({"cookie_name": "__Host-s"}, {"Secure"}),
    ({"cookie_name": "__secure-s"}, {"Secure"}),
    ({"secure": True}, {"Secure"}),
    ({"partitioned": True}, {"Secure", "Partitioned"}),
    ({"same_site": "None"}, {"Secure", "SameSite=None"}),
    ({"same_site": "Strict"}, {"SameSite=Strict"}),
    ({"path": "/app", "domain": "example.com"}, {"Path=/app", "Domain=example.com"}),
]


@pytest.mark.parametrize(("attributes", "expected"), ATTRIBUTES)
def test_cookie_is_expired_as_it_was_set(serve, attributes, expected):
    reader = FlaskCookie(KEY, **attributes)
    site = Site(serve, readers=[reader])
    site.cookies = {reader.name: flask_cookie(user="ada")}
    assert site.read() == {"user": "ada"}
    (expiry,) = (each for each in site.sent if each.startswith(f"{reader.name}=;"))
    sent = {*expiry.split("; ")[1:]}
    always = {"Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Max-Age=0", "HttpOnly", "Path=/"}
    assert sent - always == expected
    assert "Max-Age=0" in sent


def test_cookie_is_expired_as_secure_where_the_site_is_so(serve):
    site = Site(serve, readers=[FlaskCookie(KEY)])
    site.cookies = {"session": flask_cookie(user="ada")}
    site.environ = {"wsgi.url_scheme": "https"}
    site.read()
    assert all("Secure" in each.split("; ") for each in site.sent)
    assert len(site.sent) == 2


@pytest.mark.parametrize(
    ("key", "value", "user_id"),
    [
        ("_user_id", "7", "7"),
        ("_user_id", 7, "7"),
        ("_user_id", "x" * 255, "x" * 255),
        ("_user_id", "x" * 256, None),
        ("_user_id", "", None),
        ("_user_id", None, None),
        ("_user_id", [7], None),
        ("another", "7", None),
    ],
)
def test_session_says_whose_it_is(serve, key, value, user_id):
    seen = []
    site = Site(serve, store=MemoryStore(), readers=[FlaskCookie(KEY, user_key=key)])
    site.cookies = {"session": flask_cookie(_user_id=value)}
    site.visit(lambda session: seen.append(session.stored.user_id))
    assert seen == [user_id]


def test_session_of_a_reader_with_no_user_key_is_nobodys(serve):
    seen = []
    site = Site(serve, store=MemoryStore(), readers=[FlaskCookie(KEY)])
    site.cookies = {"session": flask_cookie(_user_id="7")}
    site.visit(lambda session: seen.append(session.stored.user_id))
    assert seen == [None]


def test_session_of_a_django_login_is_its_users(serve):
    seen = []
    site = Site(serve, store=MemoryStore(), readers=[DjangoCookie(KEY)])
    site.cookies = {"sessionid": django_cookie({"_auth_user_id": "7"}, SECRET_KEY=KEY)}
    site.visit(lambda session: seen.append(session.stored.user_id))
    assert seen == ["7"]


def test_django_session_of_five_minutes_gets_a_cookie_of_no_more(serve, options):
    site = Site(serve, readers=[DjangoCookie(KEY)], **options)
    site.cookies = {"sessionid": django_cookie({"user": "ada"}, expiry=300, SECRET_KEY=KEY)}
    assert site.read() == {"user": "ada"}
    (ours,) = (each for each in site.sent if each.startswith("wsgikit_session="))
    assert "Max-Age" not in ours
