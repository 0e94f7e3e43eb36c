"""Flash messages: kept until the next page that shows them."""

import flask
import pytest
from markupsafe import Markup
from webtest import TestApp

from wsgikit import App, flash, get_flashed_messages, render_template_string, request, session
from wsgikit.middleware import standard


@pytest.fixture
def app():
    app = App("tests", config={"SECRET_KEY": "test", "TESTING": True})

    @app.get("/flash/<category>/<message>")
    def add(category, message):
        flash(message, category)
        return "ok"

    @app.get("/show")
    def show():
        return get_flashed_messages(with_categories=True)

    return app


def test_messages_wait_for_the_page_that_shows_them(client):
    client.get("/flash/info/one")
    client.get("/flash/error/two")
    assert client.get("/show").json == [["info", "one"], ["error", "two"]]
    assert client.get("/show").json == []


def test_message_shows_in_the_same_request(app):
    standard(app)
    with app.test_request_context():
        flash("now")
        assert get_flashed_messages() == ["now"]


def test_category_is_message_by_default(app):
    standard(app)
    with app.test_request_context():
        flash("now")
        assert get_flashed_messages(with_categories=True) == [("message", "now")]


def test_later_calls_in_a_request_get_the_same_messages(app):
    standard(app)
    with app.test_request_context():
        flash("one", "a")
        flash("two", "b")
        assert get_flashed_messages(category_filter=["b"]) == ["two"]
        assert get_flashed_messages(category_filter=["a"]) == ["one"]
        assert get_flashed_messages() == ["one", "two"]


def test_message_flashed_after_the_show_waits_for_the_next_request(app, client):
    @app.get("/both")
    def both():
        get_flashed_messages()
        flash("later")
        return get_flashed_messages()

    assert client.get("/both").json == []
    assert client.get("/show").json == [["message", "later"]]


@pytest.mark.parametrize("wanted", [["a", "c"], ("a", "c"), iter(["a", "c"]), {"a", "c"}])
def test_filter_takes_any_iterable_and_keeps_the_order(app, wanted):
    standard(app)
    with app.test_request_context():
        for category in "cab":
            flash(f"of {category}", category)
        pairs = get_flashed_messages(with_categories=True, category_filter=wanted)
        assert pairs == [("c", "of c"), ("a", "of a")]


def test_filter_that_matches_nothing(app):
    standard(app)
    with app.test_request_context():
        flash("x", "a")
        assert get_flashed_messages(category_filter=["b"]) == []


def test_markup_is_not_escaped_by_the_page_that_shows_it(app, client):
    @app.get("/markup")
    def markup():
        flash(Markup("<b>bold</b>"))
        flash("<i>text</i>")
        return "ok"

    @app.get("/page")
    def page():
        return render_template_string("{{ get_flashed_messages() | join }}")

    client.get("/markup")
    assert client.get("/page").text == "<b>bold</b>&lt;i&gt;text&lt;/i&gt;"


def test_text_that_is_made_later_is_kept_as_it_is_now(app):
    class Lazy:
        def __str__(self):
            return "now"

    standard(app)
    with app.test_request_context():
        flash(Lazy())
        assert session["_flashes"] == [["message", "now"]]


def test_messages_stand_under_flasks_key(app):
    standard(app)
    with app.test_request_context():
        flash("x", "a")
        assert session["_flashes"] == [["a", "x"]]


def test_looking_for_messages_leaves_an_empty_session_unwritten(client):
    response = client.get("/show")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Vary"] == "Cookie"


def test_showing_the_messages_deletes_the_cookie(client):
    client.get("/flash/info/one")
    assert "Max-Age=0" in client.get("/show").headers["Set-Cookie"]
    assert client.cookies == {}


def test_flash_in_a_wrapped_app_of_another_framework():
    legacy = flask.Flask("legacy")
    legacy.add_url_rule("/flash", "flash", lambda: flash(request.path) or "ok")
    legacy.add_url_rule("/show", "show", lambda: get_flashed_messages())
    client = TestApp(standard(legacy, current_app=App("legacy"), secret_key="test"))
    client.get("/flash")
    assert client.get("/show").json == ["/flash"]


@pytest.mark.parametrize("function", [get_flashed_messages, lambda: flash("x")])
def test_outside_a_request_it_raises(function):
    with pytest.raises(RuntimeError, match=r"(?i)working outside of request context"):
        function()
