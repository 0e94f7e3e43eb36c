"""SessionMiddleware with readers: sessions of the framework that the site had before go on."""

import pytest
from itsdangerous import TimestampSigner

from wsgikit.environ import SESSION
from wsgikit.middleware import SessionMiddleware
from wsgikit.sessions import MemoryStore
from wsgikit.sessions.readers import FlaskCookie, SignedCookie, StarletteCookie

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
        self.layer = SessionMiddleware(self._app, secret_key=KEY, **options)

    def _app(self, environ, start_response):
        self._use(environ[SESSION])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    def visit(self, use):
        self._use = use
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.serve(self.layer, HTTP_COOKIE=header)
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
