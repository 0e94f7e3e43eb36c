"""A store that is away, or a session that is locked, is a 503 through each framework."""

from __future__ import annotations

import warnings

import bottle
import flask
import pytest
from django.http import HttpResponse
from django.urls import path
from webtest import TestApp

from wsgikit import App
from wsgikit import session as pipeline_session
from wsgikit.bridges.beaker import BeakerMiddleware
from wsgikit.bridges.flask import PipelineSessions
from wsgikit.errors import SessionUnavailable
from wsgikit.middleware import standard
from wsgikit.sessions import MemoryStore

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.response import Response

from wsgikit.bridges.pyramid import session_factory

KEY = "a key for tests"


class Failing(MemoryStore):
    """A store that can be away."""

    is_away = False

    def _check(self):
        if self.is_away:
            raise SessionUnavailable from ConnectionError("away")

    def load(self, *args, **options):
        self._check()
        return super().load(*args, **options)

    def commit(self, *args, **options):
        self._check()
        return super().commit(*args, **options)

    def delete(self, *args, **options):
        self._check()
        return super().delete(*args, **options)


def django(make_site, views):
    def index(request):
        return HttpResponse(repr(views.pop(0)(request.session)))

    return make_site([path("", index)])


def flask_app(make_site, views):
    app = flask.Flask("part")
    app.session_interface = PipelineSessions()
    app.add_url_rule("/", "index", lambda: repr(views.pop(0)(flask.session)))
    return app


def pyramid(make_site, views):
    config = Configurator(session_factory=session_factory)
    config.add_route("index", "/")
    view = lambda request: Response(repr(views.pop(0)(request.session)))  # noqa: E731
    config.add_view(view, route_name="index")
    error = lambda error, request: Response("an error page", status=500)  # noqa: E731
    config.add_exception_view(error, context=Exception)
    return config.make_wsgi_app()


def bottle_app(make_site, views):
    app = bottle.Bottle()
    app.route("/", "GET", lambda: repr(views.pop(0)(bottle.request.environ["beaker.session"])))
    return BeakerMiddleware(app)


@pytest.fixture
def store():
    return Failing()


@pytest.fixture
def views():
    return []


@pytest.fixture(params=[django, flask_app, pyramid, bottle_app])
def make_client(request, django_site, views, store):
    def make(**options):
        site = request.param(django_site, views)
        chain = standard(site, current_app=App("legacy"), secret_key=KEY, store=store, **options)
        return TestApp(chain)

    return make


END = {"SessionStore": "flush", "BeakerSession": "delete", "PyramidSession": "invalidate"}


def begin(session):
    session["a"] = 1


def write(session):
    session["a"] = 2


def end(session):
    getattr(session, END.get(type(session).__name__, "destroy"))()


def read(session):
    return session["a"]


def status(client):
    return client.get("/", expect_errors=True).status_code


@pytest.mark.parametrize(
    ("outage", "view"), [("unavailable", read), ("unavailable", write), ("empty", write)]
)
def test_store_that_is_away_is_a_503(make_client, store, views, outage, view):
    client = make_client(outage=outage)
    views.extend([begin, view])
    client.get("/")
    store.is_away = True
    assert status(client) == 503


def forget(session):
    session.pop("a", None)


def clear(session):
    session.clear()


@pytest.mark.parametrize("leave", [end, forget, clear])
@pytest.mark.parametrize("outage", ["unavailable", "empty", "cookie"])
def test_logout_that_cannot_reach_the_store_is_a_503(make_client, store, views, outage, leave):
    client = make_client(outage=outage)
    views.extend([begin, leave])
    client.get("/")
    store.is_away = True
    assert status(client) == 503
    store.is_away = False
    assert len(list(store.iterate())) == 1


@pytest.mark.parametrize("change", [write, end])
def test_store_that_goes_away_during_a_request_is_a_503(make_client, store, views, change):
    def view(session):
        assert session["a"] == 1
        store.is_away = True
        change(session)

    client = make_client()
    views.extend([begin, view])
    client.get("/")
    assert status(client) == 503


def test_session_that_is_locked_is_a_503(make_client, store, views):
    client = make_client()
    views.extend([begin])
    client.get("/")
    (record,) = store.iterate()
    store.lock(record.key, "another", ttl=60)
    views.append(lambda session: pipeline_session.lock(wait=0))
    assert status(client) == 503


def test_error_of_the_frameworks_own_stays_a_500(make_client, store, views):
    client = make_client()
    views.extend([begin, lambda session: 1 / 0])
    client.get("/")
    assert status(client) == 500
