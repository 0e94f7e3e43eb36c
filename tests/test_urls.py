"""``url_for`` in a request and outside one."""

import flask
import pytest
from webtest import TestApp
from werkzeug.routing import BuildError

from wsgikit import App, Blueprint, url_for
from wsgikit.middleware import standard


def view(**values):
    return "ok"


@pytest.fixture
def app():
    app = App("tests", config={"SECRET_KEY": "test", "TESTING": True})
    app.add_url_rule("/", "index", view)
    app.add_url_rule("/user/<name>", "user", view)
    app.add_url_rule("/items", "items", view, methods=["GET"])
    app.add_url_rule("/items/new", "items", view, methods=["POST"])
    inner = Blueprint("inner", url_prefix="/inner")
    inner.add_url_rule("/", "index", view)
    outer = Blueprint("outer", url_prefix="/outer")
    outer.add_url_rule("/", "index", view)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    standard(app)
    return app


@pytest.mark.parametrize(
    ("endpoint", "values", "url"),
    [
        ("index", {}, "/"),
        ("user", {"name": "é/x"}, "/user/%C3%A9/x"),
        ("user", {"name": "a", "q": "1 2", "r": [1, 2], "n": None}, "/user/a?q=1+2&r=1&r=2"),
        ("outer.inner.index", {}, "/outer/inner/"),
        ("index", {"_anchor": "x y#é"}, "/#x%20y#%C3%A9"),
        ("index", {"_anchor": ""}, "/#"),
        ("items", {"_method": "POST"}, "/items/new"),
        ("items", {"_method": "GET"}, "/items"),
        ("index", {"_external": True}, "http://localhost/"),
        ("index", {"_scheme": "https"}, "https://localhost/"),
        ("index", {"_scheme": "https", "_external": True}, "https://localhost/"),
        ("index", {"_external": False}, "/"),
        (".index", {}, "/"),
    ],
)
def test_url_in_a_request(app, endpoint, values, url):
    with app.test_request_context():
        assert url_for(endpoint, **values) == url


@pytest.mark.parametrize("anchor", ["a b", "é", "a&b=c?d/e", "x#y", "%20", '<">'])
def test_anchor_is_quoted_as_by_flask(app, anchor):
    legacy = flask.Flask("legacy")
    legacy.add_url_rule("/", "index", view)
    with legacy.test_request_context(), app.test_request_context():
        assert url_for("index", _anchor=anchor) == flask.url_for("index", _anchor=anchor)


def test_scheme_needs_an_external_url(app):
    with app.test_request_context(), pytest.raises(ValueError, match="_external"):
        url_for("index", _scheme="https", _external=False)


def test_unknown_endpoint_and_missing_value_raise(app):
    with app.test_request_context():
        with pytest.raises(BuildError):
            url_for("nowhere")
        with pytest.raises(BuildError):
            url_for("user")


def test_host_port_scheme_and_mount_are_the_requests(app):
    with app.test_request_context(base_url="https://example.org:8443/mount/"):
        assert url_for("index") == "/mount/"
        assert url_for("index", _external=True) == "https://example.org:8443/mount/"


@pytest.mark.parametrize(
    ("path", "endpoint", "url"),
    [
        ("/outer/", ".index", "/outer/"),
        ("/outer/inner/", ".index", "/outer/inner/"),
        ("/outer/", ".inner.index", "/outer/inner/"),
        ("/outer/inner/", "index", "/"),
        ("/missing", ".index", "/"),
    ],
)
def test_leading_dot_means_the_current_blueprint(app, path, endpoint, url):
    with app.test_request_context(path):
        assert url_for(endpoint) == url


def test_outside_a_request_urls_are_external(app):
    app.config.from_mapping(
        SERVER_NAME="example.org", APPLICATION_ROOT="/mount", PREFERRED_URL_SCHEME="https"
    )
    with app.app_context():
        assert url_for("user", name="a") == "https://example.org/mount/user/a"
        assert url_for("index", _external=False) == "/mount/"
        assert url_for("index", _scheme="http") == "http://example.org/mount/"
        assert url_for(".index") == "https://example.org/mount/"


def test_outside_a_request_without_server_name_it_says_what_to_set(app):
    with app.app_context(), pytest.raises(RuntimeError, match="SERVER_NAME"):
        url_for("index")


def test_without_any_context_it_raises():
    with pytest.raises(RuntimeError, match=r"(?i)working outside of application context"):
        url_for("index")


def test_app_context_over_a_request_counts_as_outside(app):
    app.config["SERVER_NAME"] = "example.org"
    with app.test_request_context("/", base_url="http://localhost/"):
        with app.app_context():
            assert url_for("user", name="a") == "http://example.org/user/a"
        assert url_for("user", name="a") == "/user/a"


def test_context_of_another_app_over_a_request_uses_its_routes(app):
    other = App("other", config={"SERVER_NAME": "other.org"})
    other.add_url_rule("/elsewhere", "user", view)
    with app.test_request_context(), other.app_context():
        assert url_for("user") == "http://other.org/elsewhere"


def test_relative_endpoint_is_not_taken_from_another_apps_request(app):
    other = App("other", config={"SERVER_NAME": "other.org"})
    other.add_url_rule("/", "index", view)
    with app.test_request_context("/outer/"), other.app_context():
        assert url_for(".index") == "http://other.org/"


def test_app_builds_urls_itself_in_a_request(app):
    with app.test_request_context("/outer/"):
        assert app.url_for("user", name="a", _anchor="x") == "/user/a#x"
        assert app.url_for(".index") == "/outer/"


def test_app_builds_urls_itself_outside_any_context(app):
    app.config["SERVER_NAME"] = "example.org"
    assert app.url_for("user", name="a") == "http://example.org/user/a"


def test_url_in_a_view_of_the_pipeline(app):
    app.add_url_rule("/here", "here", lambda: url_for("here", page=2))
    assert TestApp(standard(app)).get("/here").text == "/here?page=2"
