"""client.session(): the visitor's session between requests."""

from secrets import token_hex

import pytest

from wsgikit import App, session
from wsgikit.closing import on_close
from wsgikit.errors import (
    ConfigurationError,
    SessionCommitted,
    SessionTooLarge,
    SessionValueError,
)
from wsgikit.lifecycle import on_start
from wsgikit.middleware import ContextMiddleware, SessionMiddleware, standard, standard_pipeline
from wsgikit.pipeline import Pipeline
from wsgikit.sessions import Session
from wsgikit.testing import TestApp


@pytest.fixture
def views(app):
    @app.get("/")
    @app.get("/admin/")
    def show():
        return dict(session)

    @app.get("/login")
    def login():
        session["user"] = "ada"
        return ""


def make(app, **options):
    return TestApp(standard(app, **options))


def test_what_the_block_sets_is_in_the_next_request(app, views):
    client = make(app)
    with client.session() as visitor:
        assert isinstance(visitor, Session)
        visitor["user"] = "ada"
    assert client.get("/").json == {"user": "ada"}


def test_what_a_request_set_is_in_the_block(app, views):
    client = make(app)
    client.get("/login")
    with client.session() as visitor:
        assert dict(visitor) == {"user": "ada"}
        visitor["user"] = "eve"
    assert client.get("/").json == {"user": "eve"}


def test_around_each_kind_of_app(chain):
    client = TestApp(chain)
    with client.session() as visitor:
        visitor["user"] = "ada"
    assert client.get("/").text == "ada"
    with client.session() as visitor:
        assert visitor["seen"] == 1


def test_change_inside_a_list_is_stored(app, views):
    client = make(app)
    for item in "ab":
        with client.session() as visitor:
            visitor.setdefault("items", []).append(item)
    assert client.get("/").json == {"items": ["a", "b"]}


def test_session_that_is_only_read_sets_no_cookie(app, views):
    client = make(app)
    with client.session() as visitor:
        assert not visitor
    assert client.cookies == {}


def test_emptied_session_takes_its_cookie_with_it(app, views):
    client = make(app)
    client.get("/login")
    with client.session() as visitor:
        visitor.clear()
    assert client.cookies == {}


def test_block_that_raises_stores_nothing(app, views):
    client = make(app)
    client.get("/login")
    cookies = client.cookies

    def block():
        with client.session() as visitor:
            visitor["user"] = "eve"
            raise LookupError

    with pytest.raises(LookupError):
        block()
    assert client.cookies == cookies
    assert client.get("/").json == {"user": "ada"}


def test_neither_the_app_nor_its_hooks_are_called(app, views):
    called = []
    app.before_request(lambda: called.append("hook"))
    app.teardown_request(lambda outcome: called.append("teardown"))
    with make(app).session() as visitor:
        visitor["user"] = "ada"
    assert called == []


def test_other_requests_of_the_chain_are_not_disturbed(app, views):
    client, other = make(app), TestApp(app)
    with client.session() as visitor:
        visitor["user"] = "ada"
        assert other.get("/").json == {}
        assert other.get("/login").status_int == 200
    assert client.get("/").json == {"user": "ada"}


def test_permanent_session_has_a_cookie_that_expires(app, views):
    client = make(app)
    with client.session() as visitor:
        visitor.permanent = True
    (cookie,) = client.cookiejar
    assert cookie.expires is not None


def test_cookie_of_a_path_is_seen_under_that_path_alone(app, views):
    client = make(app, path="/admin")
    with client.session("/admin/") as visitor:
        visitor["user"] = "ada"
    with client.session("/elsewhere") as visitor:
        assert not visitor
    assert client.get("/admin/").json == {"user": "ada"}
    assert client.get("/").json == {}


def test_secure_cookie_is_seen_by_https_alone(app, views):
    client = make(app, secure=True)
    https = {"wsgi.url_scheme": "https"}
    with client.session(extra_environ=https) as visitor:
        visitor["user"] = "ada"
    with client.session("https://localhost/") as visitor:
        assert visitor["user"] == "ada"
    with client.session(extra_environ=https) as visitor:
        assert visitor["user"] == "ada"
    with client.session() as visitor:
        assert not visitor
    assert client.get("/").json == {}
    assert client.get("/", extra_environ=https).json == {"user": "ada"}


def test_cookie_of_a_domain_is_seen_by_its_hosts_alone(app, views):
    client = make(app, domain="example.org")
    with client.session("http://www.example.org/") as visitor:
        visitor["user"] = "ada"
    with client.session("http://shop.example.org/") as visitor:
        assert visitor["user"] == "ada"
    with client.session() as visitor:
        assert not visitor


def test_environ_of_the_client_counts_too(app, views):
    client = TestApp(standard(app, secure=True), extra_environ={"wsgi.url_scheme": "https"})
    with client.session() as visitor:
        visitor["user"] = "ada"
    with client.session() as visitor:
        assert visitor["user"] == "ada"
    assert client.get("/").json == {"user": "ada"}


def test_too_large_session_is_raised_in_the_test(app, views):
    client = make(app)
    with pytest.raises(SessionTooLarge), client.session() as visitor:
        visitor["text"] = token_hex(5000)  # what repeats itself is compressed
    assert client.cookies == {}


def test_value_that_cannot_be_stored_is_raised_in_the_test(app, views):
    with pytest.raises(SessionValueError, match="when"), make(app).session() as visitor:
        visitor["when"] = object()


def test_change_after_the_block_is_refused(app, views):
    with make(app).session() as visitor:
        pass
    with pytest.raises(SessionCommitted):
        visitor["user"] = "ada"


def test_chain_without_a_session_says_what_to_write(app):
    pipeline = standard_pipeline(app).without(SessionMiddleware)
    client = TestApp(pipeline.run(app))
    with (
        pytest.raises(ConfigurationError, match=r"(?s)No layer.*use\(SessionMiddleware"),
        client.session(),
    ):
        pytest.fail("there is no session")


@pytest.fixture
def own_session(app):
    """A client of a session layer that is not ours, and what that layer and the test have done."""
    opened = []

    class OwnSession:
        provides = ("wsgikit.session",)

        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            environ["wsgikit.session"] = opened
            start = on_start(start_response, lambda status, headers: opened.append("stored"))
            return on_close(self.app(environ, start), lambda outcome: opened.append("closed"))

    return TestApp(Pipeline().use(ContextMiddleware).use(OwnSession).run(app)), opened


def test_layer_of_another_package_is_found_by_what_it_provides(own_session):
    client, opened = own_session
    with client.session() as visitor:
        visitor.append("changed")
    assert opened == ["changed", "stored", "closed"]


def test_layer_stores_nothing_and_closes_when_the_block_raises(own_session):
    client, opened = own_session

    def block():
        with client.session():
            raise LookupError

    with pytest.raises(LookupError):
        block()
    assert opened == ["closed"]


def test_layer_hidden_behind_a_foreign_one_is_found(app, views):
    def hiding(inner):
        return lambda environ, start_response: inner(environ, start_response)

    client = TestApp(standard_pipeline(app).insert_before(SessionMiddleware, hiding).run(app))
    with client.session() as visitor:
        visitor["user"] = "ada"
    assert client.get("/").json == {"user": "ada"}


def test_outer_one_of_two_sessions_is_the_visitors():
    inner = App("inner", config={"SECRET_KEY": "test"})
    outer = App("outer", config={"SECRET_KEY": "test", "SESSION_COOKIE_NAME": "outer"})
    client = TestApp(standard(standard(inner), current_app=outer))
    with client.session() as visitor:
        visitor["user"] = "ada"
    assert list(client.cookies) == ["outer"]
