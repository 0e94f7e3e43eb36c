"""Django, Flask, Pyramid and Beaker's users in one pipeline: one login, one logout, one cookie."""

from __future__ import annotations

import json
import warnings

import bottle
import flask
import pytest
from django.contrib import auth
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from wsgikit import App
from wsgikit.bridges.beaker import BeakerMiddleware
from wsgikit.bridges.flask import PipelineSessions
from wsgikit.middleware import standard_pipeline

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.response import Response

from wsgikit.bridges.pyramid import session_factory

pytestmark = pytest.mark.parametrize(
    "options", ["cookie", "memory", "sqlite", "valkey"], indirect=True
)

COOKIE = "wsgikit_session"
USER = "_auth_user_id"
MOUNTS = ["", "/django", "/bottle", "/pyramid"]


def add(session):
    session["counts"] = [*session.get("counts", []), len(session.get("counts", []))]
    return json.dumps(session["counts"])


def make_django(django_site):
    def log_in(request):
        user = auth.authenticate(request, **request.POST.dict())
        auth.login(request, user)
        return HttpResponse("ok")

    def log_out(request):
        auth.logout(request)
        return HttpResponse("ok")

    return django_site(
        [
            path("token", lambda request: HttpResponse(get_token(request))),
            path("login", log_in),
            path("logout", log_out),
            path("user", lambda request: JsonResponse(request.session.get(USER), safe=False)),
            path("name", lambda request: HttpResponse(request.user.username)),
            path("add", lambda request: HttpResponse(add(request.session))),
        ]
    )


def make_flask():
    app = flask.Flask("part")
    app.session_interface = PipelineSessions()
    app.add_url_rule("/user", "user", lambda: json.dumps(flask.session.get(USER)))
    app.add_url_rule("/bound", "bound", lambda: json.dumps(flask.session.user_id))
    app.add_url_rule("/add", "add", lambda: add(flask.session))

    @app.post("/logout")
    def log_out():
        flask.session.destroy()
        return "ok"

    return app


def make_bottle():
    app = bottle.Bottle()
    session = lambda: bottle.request.environ["beaker.session"]  # noqa: E731
    app.get("/user", callback=lambda: json.dumps(session().get(USER)))
    app.get("/add", callback=lambda: add(session()))
    app.post("/logout", callback=lambda: session().delete())
    return app


def make_pyramid():
    config = Configurator(session_factory=session_factory)
    views = {
        "user": lambda request: json.dumps(request.session.get(USER)),
        "add": lambda request: add(request.session),
        "logout": lambda request: str(request.session.invalidate()),
    }
    for name, view in views.items():
        config.add_route(name, f"/{name}")
        config.add_view(lambda request, view=view: Response(view(request)), route_name=name)
    return config.make_wsgi_app()


@pytest.fixture
def site(django_site, options):
    mounts = {
        "/django": make_django(django_site),
        "/bottle": make_bottle(),
        "/pyramid": make_pyramid(),
    }
    apps = DispatcherMiddleware(make_flask(), mounts)
    current_app = App("site", config={"TESTING": True})
    pipeline = standard_pipeline(apps, current_app=current_app, **options)
    return pipeline.use(BeakerMiddleware).run(apps)


@pytest.fixture
def browser(site):
    return TestApp(site, lint=True)


def log_in(browser):
    token = browser.get("/django/token").text
    form = {"username": "ada", "password": "secret", "csrfmiddlewaretoken": token}
    browser.post("/django/login", form)


def log_out(browser, mount):
    token = browser.get("/django/token").text
    browser.post(f"{mount}/logout", {"csrfmiddlewaretoken": token})


def users(browser):
    return [json.loads(browser.get(f"{mount}/user").text) for mount in MOUNTS]


def test_all_write_one_session(browser):
    counts = [json.loads(browser.get(f"{mount}/add").text) for mount in MOUNTS]
    assert counts == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert set(browser.cookies) == {COOKIE}


@pytest.mark.parametrize("mount", MOUNTS)
def test_login_in_django_is_known_to_all_until_any_of_them_logs_out(browser, accounts, mount):
    assert users(browser) == [None] * 4
    log_in(browser)
    assert users(browser) == [str(accounts["ada"].pk)] * 4
    assert browser.get("/django/name").text == "ada"
    assert set(browser.cookies) == {COOKIE}
    log_out(browser, mount)
    assert users(browser) == [None] * 4
    assert browser.get("/django/name").text == ""
    assert not browser.cookies


def test_flask_knows_whom_django_has_bound_the_session_to(browser, accounts, options):
    log_in(browser)
    bound = json.loads(browser.get("/bound").text)
    assert bound == (None if options["store"] is None else str(accounts["ada"].pk))


def test_two_browsers_are_two_visitors(site, accounts):
    ada, eve = TestApp(site), TestApp(site)
    log_in(ada)
    assert users(eve) == [None] * 4
