"""standard and standard_pipeline."""

from datetime import timedelta

import pytest
from webtest import TestApp

from wsgikit import App, Pipeline, g, session
from wsgikit.errors import ConfigurationError, PipelineError
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    SessionMiddleware,
    session_options,
    standard,
    standard_pipeline,
)


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def test_chain_is_the_documented_one():
    pipeline = standard_pipeline(App("a", config={"SECRET_KEY": "k"}))
    assert [entry.cls for entry in pipeline] == [
        ContextMiddleware,
        ErrorMiddleware,
        SessionMiddleware,
        GMiddleware,
        HooksMiddleware,
    ]


def test_missing_secret_key_fails_when_built_and_says_how_to_make_one():
    with pytest.raises(ConfigurationError, match=r"secrets\.token_hex"):
        standard(App("a"))


def test_config_keys_reach_the_cookie():
    app = App(
        "a",
        config={
            "SECRET_KEY": "k",
            "SESSION_COOKIE_NAME": "sid",
            "SESSION_COOKIE_SECURE": True,
            "SESSION_COOKIE_SAMESITE": "Strict",
            "SESSION_COOKIE_HTTPONLY": False,
            "SESSION_COOKIE_DOMAIN": "example.org",
            "APPLICATION_ROOT": "/app",
            "PERMANENT_SESSION_LIFETIME": timedelta(minutes=1),
        },
    )

    @app.get("/")
    def index():
        session["n"] = 1
        session.permanent = True
        return ""

    header = TestApp(standard(app)).get("/").headers["Set-Cookie"]
    name, *attributes = header.split("; ")
    assert name.startswith("sid=")
    assert {
        "Secure",
        "SameSite=Strict",
        "Domain=example.org",
        "Path=/app",
        "Max-Age=60",
    } <= set(attributes)
    assert "HttpOnly" not in attributes


def test_options_win_over_the_config():
    app = App("a", config={"SECRET_KEY": "k", "SESSION_COOKIE_NAME": "sid"})
    app.get("/")(lambda: session.update(n=1) or "")
    header = TestApp(standard(app, cookie_name="mine")).get("/").headers["Set-Cookie"]
    assert header.startswith("mine=")


def test_other_frameworks_app_needs_a_current_app():
    with pytest.raises(ConfigurationError, match=r"current_app=App\('legacy'\)"):
        standard(plain, secret_key="k")
    application = standard(plain, current_app=App("legacy"), secret_key="k")
    assert TestApp(application).get("/").text == "plain"


def test_another_current_app_than_the_served_one_is_refused():
    with pytest.raises(ConfigurationError, match="Leave it out"):
        standard(App("a"), current_app=App("b"), secret_key="k")


def test_misspelt_option_fails_with_the_right_name():
    with pytest.raises(PipelineError, match="Did you mean 'secret_key'"):
        standard(App("a"), secretkey="k")


def test_g_takes_providers():
    app = App("a")
    app.get("/")(lambda: g.site)
    assert TestApp(standard(app, g={"site": "x"}, secret_key="k")).get("/").text == "x"


def test_debug_comes_from_the_config_unless_given():
    app = App("a", config={"SECRET_KEY": "k", "DEBUG": True})
    for debug, expected in ((None, True), (False, False)):
        error_layer = next(
            entry for entry in standard_pipeline(app, debug=debug) if entry.cls is ErrorMiddleware
        )
        assert error_layer.options == {"debug": expected}


def test_session_layer_can_be_left_out():
    app = App("a")
    app.get("/")(lambda: "no session")
    application = standard_pipeline(app).without(SessionMiddleware).run(app)
    assert TestApp(application).get("/").text == "no session"


def test_pipeline_of_ones_own_has_the_sessions_of_the_config():
    app = App("a", config={"SECRET_KEY": "k", "SESSION_COOKIE_NAME": "sid"})
    app.config["APPLICATION_ROOT"] = "/app"
    app.get("/")(lambda: session.update(n=1) or "")
    application = (
        Pipeline()
        .use(ContextMiddleware)
        .use(SessionMiddleware, **session_options(app.config))
        .run(app)
    )
    header = TestApp(application).get("/").headers["Set-Cookie"]
    assert header.startswith("sid=")
    assert "; Path=/app" in header
