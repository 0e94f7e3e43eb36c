"""What Flask promises of its session, kept by the bridge."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import UTC, datetime
from uuid import UUID

import flask
import flask_login
import pytest
from flask.testing import FlaskClient
from markupsafe import Markup
from werkzeug.http import parse_cookie

from wsgikit import App
from wsgikit import session as pipeline_session
from wsgikit.bridges.flask import PipelineSessions
from wsgikit.environ import SESSION
from wsgikit.errors import MissingExtraError, SessionCommitted, SessionValueError
from wsgikit.middleware import standard

COOKIE = "wsgikit_session"


class Client(FlaskClient):
    """Closes each response, as servers do."""

    def open(self, *args, **options):
        return super().open(*args, buffered=True, **options)


@pytest.fixture
def app(options):
    """A Flask app with the chain around its ``wsgi_app``."""
    app = flask.Flask("legacy")  # without a secret key: the bridge needs none
    app.testing = True
    app.test_client_class = Client
    app.session_interface = PipelineSessions()
    app.wsgi_app = standard(app.wsgi_app, current_app=App("legacy"), **options)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def kept(app, client):
    """What the next request finds in the session."""

    @app.get("/kept")
    def kept():
        return json.dumps(dict(flask.session), default=repr)

    return lambda: json.loads(client.get("/kept").text)


def cookies_of(response):
    return [line.partition("=")[0] for line in response.headers.getlist("Set-Cookie")]


def test_view_writes_the_session_and_a_later_view_reads_it(app, client):
    @app.post("/set")
    def set_value():
        assert not flask.session.accessed
        assert not flask.session.modified
        flask.session["value"] = flask.request.form["value"]
        assert flask.session.accessed
        assert flask.session.modified
        return "set"

    @app.get("/get")
    def get_value():
        value = flask.session.get("value", "none")
        assert flask.session.accessed
        assert not flask.session.modified
        return value

    assert client.get("/get").text == "none"
    response = client.post("/set", data={"value": "42"})
    assert cookies_of(response) == [COOKIE]
    assert client.get("/get").text == "42"


def test_it_is_the_session_of_the_pipeline(app, client):
    @app.get("/")
    def index():
        flask.session["flask"] = 1
        pipeline_session["pipeline"] = 2
        assert dict(flask.session) == dict(pipeline_session) == {"flask": 1, "pipeline": 2}
        assert flask.session.new
        assert flask.session.key is flask.request.environ[SESSION].key is None
        return "ok"

    assert client.get("/").text == "ok"


def test_delete_pop_and_length(app, client, kept):
    @app.get("/")
    def index():
        flask.session.update(a=1, b=2, c=3)
        del flask.session["a"]
        assert flask.session.pop("b") == 2
        assert "a" not in flask.session
        assert len(flask.session) == 1
        return repr(flask.session)

    assert client.get("/").text == "<Session {'c': 3}>"
    assert kept() == {"c": 3}


def test_private_attributes_stay_private(client, app):
    @app.get("/")
    def index():
        with pytest.raises(
            AttributeError, match=r"'FlaskSession' object has no attribute '_values'"
        ):
            flask.session._values  # noqa: B018
        return "ok"

    assert client.get("/").text == "ok"


def test_permanent_session_has_a_cookie_with_an_age(app, client):
    @app.get("/<int:permanent>")
    def index(permanent):
        flask.session["test"] = 42
        flask.session.permanent = bool(permanent)
        return str(flask.session.permanent)

    response = client.get("/1")
    assert response.text == "True"
    assert "Max-Age=2678400;" in response.headers["Set-Cookie"]
    response = client.get("/0")
    assert response.text == "False"
    assert "Max-Age" not in response.headers["Set-Cookie"]


def test_nested_change_is_noticed(app, client, kept):
    @app.get("/")
    def index():
        flask.session.setdefault("cart", {"items": []})["items"].append(len(flask.session))
        return "ok"

    client.get("/")
    client.get("/")
    assert kept() == {"cart": {"items": [1, 1]}}


VALUES = {
    "tuple": (1, 2, 3, (4,)),
    "uuid": UUID("12345678123456781234567812345678"),
    "bytes": b"\xff",
    "time": datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
    "markup": Markup("<b>&lt;</b>"),
    "list": [UUID(int=1), Markup("<i>")],
    "tag": {" t": "not a tag"},
}


def test_values_come_back_as_what_they_were(app, client):
    @app.get("/")
    def index():
        flask.session.update(VALUES)
        return "ok"

    @app.get("/look")
    def look():
        values = dict(flask.session)
        assert values == VALUES
        assert [type(value) for value in values.values()] == list(map(type, VALUES.values()))
        return "the same"

    client.get("/")
    assert client.get("/look").text == "the same"


def test_value_that_cannot_be_kept_is_named(app, client):
    @app.get("/")
    def index():
        flask.session["user"] = object()
        return "ok"

    with pytest.raises(SessionValueError, match=r"session\['user'\] is a.* object"):
        client.get("/")


def test_bound_session_that_is_cleared_ends(app, client, options):
    @app.get("/login")
    def login():
        flask.session["a"] = 1
        if options["store"] is not None:
            flask.session.bind("ada")
        return "ok"

    @app.get("/clear")
    def clear():
        flask.session.clear()
        return "ok"

    client.get("/login")
    client.get("/clear")
    assert client.get_cookie(COOKIE) is None
    assert options["store"] is None or [*options["store"].iterate()] == []


def test_marked_as_modified_it_is_written(app, client):
    @app.get("/")
    def index():
        flask.session.modified = True
        assert flask.session.modified
        flask.session.modified = False
        return str(pipeline_session.modified)

    assert client.get("/").text == "False"


def test_untouched_session_sends_nothing(app, client):
    @app.get("/")
    def index():
        return "ok"

    response = client.get("/")
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


READS = {
    "get": lambda session: session.get("a"),
    "item": lambda session: session["a"],
    "in": lambda session: "a" in session,
    "len": len,
    "bool": bool,
    "iter": list,
    "setdefault": lambda session: session.setdefault("a", 1),
}


@pytest.mark.parametrize("read", READS)
def test_vary_when_it_was_read(app, client, read):
    with client.session_transaction() as session:
        session["a"] = 1

    @app.get("/")
    def index():
        READS[read](flask.session)
        return flask.Response("ok", headers={"Vary": "Accept-Encoding, Accept-Language"})

    response = client.get("/")
    assert response.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie"


def test_emptied_session_expires_its_cookie(app, client):
    @app.get("/set")
    def set_value():
        flask.session["a"] = 1
        return "ok"

    @app.get("/clear")
    def clear():
        flask.session.clear()
        return "ok"

    client.get("/set")
    assert client.get_cookie(COOKIE) is not None
    response = client.get("/clear")
    assert parse_cookie(response.headers["Set-Cookie"])[COOKIE] == ""
    assert response.headers["Vary"] == "Cookie"
    assert client.get_cookie(COOKIE) is None
    assert "Set-Cookie" not in client.get("/clear").headers


def test_error_page_keeps_the_former_session(app, client, kept):
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/")
    def index():
        flask.session["half"] = "done"
        raise LookupError("in the middle")

    assert client.get("/").status_code == 500
    assert kept() == {}


def test_teardown_reads_what_the_view_wrote(app, client):
    seen = []

    @app.teardown_request
    def teardown(error):
        seen.append(dict(flask.session))

    @app.get("/")
    def index():
        flask.session["a"] = 1
        return "ok"

    client.get("/")
    assert seen == [{"a": 1}]


def test_stream_reads_what_the_view_wrote_and_cannot_write(app, client):
    @app.get("/")
    def index():
        flask.session["a"] = 1

        def chunks():
            yield "start, "
            with pytest.raises(SessionCommitted):
                flask.session["b"] = 2
            yield str(flask.session["a"])

        return flask.stream_with_context(chunks())

    assert client.get("/").text == "start, 1"


def test_session_stored_by_a_before_request_hook(app, client, kept):
    @app.before_request
    def count():
        flask.session["count"] = flask.session.get("count", 0) + 1

    assert kept() == {"count": 1}
    assert kept() == {"count": 2}


def test_login_and_logout(app, client, kept):
    @app.get("/login")
    def login():
        flask.session.regenerate()
        flask.session["user"] = "ada"
        return "ok"

    @app.get("/logout")
    def logout():
        flask.session.destroy()
        return "ok"

    client.get("/login")
    assert kept() == {"user": "ada"}
    client.get("/logout")
    assert client.get_cookie(COOKIE) is None
    assert kept() == {}


# Flashing


def test_flashed_messages_come_once(app, client):
    @app.get("/")
    def index():
        flask.flash("first")
        flask.flash("second", "error")
        return "ok"

    @app.get("/messages")
    def messages():
        return json.dumps(flask.get_flashed_messages())

    client.get("/")
    assert json.loads(client.get("/messages").text) == ["first", "second"]
    assert json.loads(client.get("/messages").text) == []


def test_flashed_messages_by_category(app, client):
    @app.get("/")
    def index():
        flask.flash("Hello")
        flask.flash("Bad", "error")
        flask.flash("Careful", "warning")
        return "ok"

    @app.get("/all")
    def everything():
        return json.dumps(
            [
                flask.get_flashed_messages(),
                flask.get_flashed_messages(with_categories=True),
                flask.get_flashed_messages(category_filter=["message", "warning"]),
                flask.get_flashed_messages(category_filter=["error"], with_categories=True),
                flask.get_flashed_messages(category_filter=["none"]),
            ]
        )

    client.get("/")
    assert json.loads(client.get("/all").text) == [
        ["Hello", "Bad", "Careful"],
        [["message", "Hello"], ["error", "Bad"], ["warning", "Careful"]],
        ["Hello", "Careful"],
        [["error", "Bad"]],
        [],
    ]


def test_message_may_be_shown_by_the_request_that_flashed_it(app, client, kept):
    @app.get("/")
    def index():
        flask.flash("now")
        return json.dumps(flask.get_flashed_messages())

    assert json.loads(client.get("/").text) == ["now"]
    assert kept() == {}


# Tests by Flask's own client


def test_session_transaction_before_and_after_a_request(app, client):
    @app.get("/")
    def index():
        flask.session["seen"] = flask.session["foo"]
        return str(flask.session["foo"])

    with client.session_transaction() as session:
        assert len(session) == 0
        session["foo"] = [42]
        assert len(session) == 1
    assert client.get("/").text == "[42]"
    with client.session_transaction() as session:
        assert dict(session) == {"foo": [42], "seen": [42]}


def test_session_transaction_in_a_kept_context(app, client):
    @app.get("/")
    def index():
        return str(flask.session.get("foo"))

    with client:
        assert client.get("/").text == "None"
        with client.session_transaction() as session:
            session["foo"] = 42
        assert client.get("/").text == "42"
        assert flask.session["foo"] == 42


def test_session_transaction_keeps_the_context_of_the_request(app, client):
    @app.get("/")
    def index():
        return "ok"

    with client:
        client.get("/")
        request = flask.request._get_current_object()
        with client.session_transaction():
            assert flask.request._get_current_object() is request


def test_session_transaction_needs_cookies(app):
    client = app.test_client(use_cookies=False)
    with pytest.raises(TypeError, match="Cookies are disabled"), client.session_transaction():
        pass


def test_session_transaction_that_fails_stores_nothing(client, kept):
    def fail():
        with client.session_transaction() as session:
            session["a"] = 1
            raise LookupError("in the test")

    with pytest.raises(LookupError):
        fail()
    assert kept() == {}


def test_session_transaction_deletes(client, kept):
    with client.session_transaction() as session:
        session["a"] = 1
    with client.session_transaction() as session:
        session.clear()
    assert client.get_cookie(COOKIE) is None
    assert kept() == {}


def test_session_transaction_over_https(client, app):
    @app.get("/")
    def index():
        return str(flask.session.get("a"))

    with client.session_transaction(base_url="https://localhost/") as session:
        session["a"] = 1
    assert client.get_cookie(COOKIE).secure
    assert client.get("/", base_url="https://localhost/").text == "1"


def test_test_request_context_has_a_session_of_its_own(app):
    with app.test_request_context("/"):
        flask.session["a"] = 1
        assert flask.session["a"] == 1
    with app.test_request_context("/"):
        assert "a" not in flask.session


def test_response_made_in_a_test_request_context_has_the_cookie(app):
    @app.get("/")
    def index():
        flask.session["a"] = 1
        return "ok"

    with app.test_request_context("/"):
        response = app.full_dispatch_request()
    assert cookies_of(response) == [COOKIE]
    assert response.headers["Vary"] == "Cookie"
    assert response.headers.getlist("Content-Type") == ["text/html; charset=utf-8"]


def test_without_a_pipeline_the_error_says_what_to_write():
    app = flask.Flask("legacy")
    app.session_interface = PipelineSessions()
    with pytest.raises(RuntimeError) as caught, app.test_request_context("/"):
        pass
    assert caught.value.__suppress_context__
    assert str(caught.value) == (
        "No session layer around <Flask 'legacy'>, whose session is the pipeline's.\n\nPut it into "
        "the pipeline: app.wsgi_app = standard(app.wsgi_app, current_app=App('legacy'), "
        "secret_key=…)."
    )


def test_without_flask_the_error_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "flask"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "wsgikit.bridges.flask")
    with pytest.raises(MissingExtraError, match=r"wsgikit\[flask\]"):
        importlib.import_module("wsgikit.bridges.flask")


# Flask-Login


class User(flask_login.UserMixin):
    id = "ada"


@pytest.fixture
def with_login(app):
    manager = flask_login.LoginManager(app)
    manager.user_loader(lambda user_id: User() if user_id == "ada" else None)
    app.secret_key = "Flask-Login signs its remember-me cookie with it"

    @app.get("/login")
    def login():
        flask_login.login_user(User())
        return "ok"

    @app.get("/me")
    @flask_login.login_required
    def me():
        return flask_login.current_user.id

    @app.get("/logout")
    def logout():
        flask_login.logout_user()
        return "ok"


def test_flask_login(with_login, client):
    assert client.get("/me").status_code == 401
    assert cookies_of(client.get("/login")) == [COOKIE]
    assert client.get("/me").text == "ada"
    client.get("/logout")
    assert client.get("/me").status_code == 401


def test_flask_login_notices_a_cookie_from_another_browser(with_login, app, client):
    app.login_manager.session_protection = "strong"
    client.get("/login", headers={"User-Agent": "one"})
    assert client.get("/me", headers={"User-Agent": "one"}).text == "ada"
    assert client.get("/me", headers={"User-Agent": "two"}).status_code == 401
