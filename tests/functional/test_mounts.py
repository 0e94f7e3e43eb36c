"""Several apps in one pipeline, and pipelines in pipelines."""

from __future__ import annotations

import json

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App, current_app, session

KEY = "a key for tests"


@pytest.fixture
def mounted(mode, little_app, in_chain):
    """A Flask app with all the others mounted in it, in one chain."""
    mounts = {f"/{name}": little_app(name) for name in ("django", "bottle", "falcon", "pyramid")}
    app = DispatcherMiddleware(little_app("flask"), {**mounts, "/bare": little_app("bare")})
    return in_chain(mode, app, App("little", config={"SECRET_KEY": KEY}))


def test_value_from_a_django_view_is_read_by_a_flask_view(mounted):
    browser = mounted.browser()
    assert browser.get("/django/count").text == "1"
    assert json.loads(browser.get("/look").text) == {"count": 1}
    assert browser.get("/count").text == "2"
    assert browser.get("/django/count").text == "3"


def test_all_frameworks_count_in_one_session(mounted):
    browser = mounted.browser()
    mounts = ["", "/django", "/bottle", "/falcon", "/pyramid", "/bare"]
    assert [browser.get(f"{mount}/count").text for mount in mounts] == list("123456")


def test_message_of_a_django_view_is_shown_by_a_flask_view(mounted):
    browser = mounted.browser()
    browser.get("/django/flash?sender=django")
    assert json.loads(browser.get("/flashed").text) == [["info", "from django"]]
    assert json.loads(browser.get("/django/flashed").text) == []


def test_own_sessions_stay_apart(mounted):
    browser = mounted.browser()
    pages = ["/own", "/django/own", "/count", "/own", "/django/own", "/django/count"]
    assert [browser.get(page).text for page in pages] == ["1", "1", "1", "2", "2", "2"]
    assert {"session", "sessionid", "wsgikit_session"} <= set(browser.cookies)


def test_django_stream_and_flask_stream_read_the_same_session(mounted):
    browser = mounted.browser()
    browser.get("/count")
    for mount in ("", "/django"):
        lines = browser.get(f"{mount}/live").text.splitlines()
        assert [line.split()[2:] for line in lines] == [["1", "db", "little"]] * 3
    assert mounted.outcomes == [None] * 3


@pytest.fixture
def half_replaced(router, little_app):
    """A router that has taken one page over from a legacy app."""
    app = App("little", config={"SECRET_KEY": KEY}, fallback=little_app("flask"))

    @app.get("/plain")
    def plain():
        return f"new, {session.get('count')}"

    return router(app)


def test_route_hides_the_page_of_the_fallback(half_replaced):
    browser = half_replaced.browser()
    assert browser.get("/count").text == "1"
    assert browser.get("/plain").text == "new, 1"


def test_fallback_answers_other_methods_of_a_route(half_replaced, little_app, serve):
    answer = half_replaced.fetch("/plain", "POST")
    assert answer.bytes == serve(little_app("flask"), "/plain", "POST").bytes


def test_fallback_answers_what_nobody_knows(half_replaced, little_app, serve):
    answer = half_replaced.fetch("/nowhere")
    assert answer.bytes == serve(little_app("flask"), "/nowhere").bytes
    assert half_replaced.outcomes == [None]


def test_pipeline_in_a_pipeline_has_session_and_app_of_its_own(router, mode, little_app, in_chain):
    inner_config = {"SECRET_KEY": "another key", "SESSION_COOKIE_NAME": "inner_session"}
    inner = in_chain(mode, little_app("django"), App("inner", config=inner_config))
    app = App("outer", config={"SECRET_KEY": KEY}, fallback=inner.wsgi)

    @app.get("/outer")
    def outer():
        session["count"] = session.get("count", 0) + 10
        return f"{current_app.name} {session['count']}"

    @app.after_request
    def name_app(response):
        response.headers["X-App"] = current_app.name

    site = router(app)
    browser = site.browser()
    assert browser.get("/outer").text == "outer 10"
    response = browser.get("/seen")
    assert json.loads(response.text)["app"] == "inner"
    assert response.headers["X-App"] == "outer"
    assert [browser.get(page).text for page in ("/count", "/outer", "/count")] == [
        "1",
        "outer 20",
        "2",
    ]
    assert (inner.outcomes, site.outcomes) == ([None] * 3, [None] * 5)
