"""What Pyramid's ISession promises, kept by the bridge."""

from __future__ import annotations

import importlib
import sys
import warnings

import pytest
from webtest import TestApp

from wsgikit import App
from wsgikit import session as pipeline_session
from wsgikit.errors import MissingExtraError
from wsgikit.middleware import standard

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    warnings.filterwarnings("ignore", "Deprecated call to `pkg_resources", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.csrf import LegacySessionCSRFStoragePolicy
    from pyramid.interfaces import ISession, ISessionFactory
    from pyramid.request import Request
    from pyramid.response import Response
    from zope.interface.verify import verifyObject

from wsgikit.bridges.pyramid import session_factory

COOKIE = "wsgikit_session"


@pytest.fixture
def config():
    return Configurator(session_factory=session_factory)


@pytest.fixture
def views():
    return []


@pytest.fixture
def client(config, views, options):
    def index(request):
        return Response(repr(views.pop(0)(request.session)))

    config.add_route("index", "/")
    config.add_view(index, route_name="index")
    chain = standard(config.make_wsgi_app(), current_app=App("legacy"), **options)
    return TestApp(chain, lint=True)


@pytest.fixture
def page(client, views):
    """Run ``view(session)`` in a request of its own, and return the repr of what it returned."""

    def visit(view):
        views.append(view)
        visit.response = client.get("/")
        return visit.response.text

    return visit


def test_session_and_factory_keep_their_interfaces(page):
    assert page(lambda session: verifyObject(ISession, session)) == "True"
    assert ISessionFactory.providedBy(session_factory)


def test_values_are_kept(page):
    page(lambda session: session.update(a=1, b={"c": []}))
    assert page(dict) == "{'a': 1, 'b': {'c': []}}"


def test_it_is_the_session_of_the_pipeline(page):
    def write(session):
        session["a"] = 1
        return dict(pipeline_session)

    assert page(write) == "{'a': 1}"


def test_nested_change_needs_no_changed(page):
    page(lambda session: session.update(b={"c": []}))
    page(lambda session: session["b"]["c"].append(1))
    assert page(dict) == "{'b': {'c': [1]}}"


def test_changed_has_it_written(page):
    def change(session):
        before = session.modified
        session.changed()
        return before, session.modified

    page(lambda session: session.update(a=1))
    assert page(change) == "(False, True)"


def test_new_and_created(page, monkeypatch):
    now = 1_800_000_000.5
    monkeypatch.setattr("time.time", lambda: now)
    see = lambda session: (session.new, session.created, session.update(a=1))  # noqa: E731
    assert page(see) == "(True, 1800000000, None)"
    now += 60
    assert page(see) == "(False, 1800000000, None)"


def test_invalidated_session_leaves_no_cookie_and_no_data(page, client):
    page(lambda session: session.update(a=1))
    assert COOKIE in client.cookies
    page(lambda session: session.invalidate())
    assert COOKIE not in client.cookies
    assert page(dict) == "{}"


def test_invalidate_ends_it_in_the_store_at_once(page, options):
    def end(session):
        session.invalidate()
        return options["store"] is None or list(options["store"].iterate()) == []

    page(lambda session: session.update(a=1))
    assert page(end) == "True"


def test_invalidated_session_may_be_used(page):
    def begin_again(session):
        session.invalidate()
        session["b"] = 2

    page(lambda session: session.update(a=1))
    page(begin_again)
    assert page(dict) == "{'b': 2}"


def test_flash_is_peeked_at_and_popped(page):
    page(lambda session: (session.flash("one"), session.flash("two")))
    assert page(lambda session: session.peek_flash()) == "['one', 'two']"
    assert page(lambda session: session.pop_flash()) == "['one', 'two']"
    assert page(lambda session: (session.peek_flash(), session.pop_flash())) == "([], [])"


def test_flash_queues_are_apart(page):
    page(lambda session: (session.flash("one"), session.flash("bad", "error")))
    assert page(lambda session: session.pop_flash("error")) == "['bad']"
    assert page(lambda session: session.pop_flash()) == "['one']"


def test_flash_duplicates(page):
    page(lambda session: (session.flash("one"), session.flash("one")))
    page(lambda session: session.flash("one", allow_duplicate=False))
    page(lambda session: session.flash("two", allow_duplicate=False))
    assert page(lambda session: session.pop_flash()) == "['one', 'one', 'two']"


@pytest.fixture
def meanwhile(client, views):
    """Run ``view(session)`` in another request of the same visitor, while one is under way."""

    def visit(view):
        other = TestApp(client.app)
        other.set_cookie(COOKIE, client.cookies[COOKIE].strip('"'))
        views.append(view)
        other.get("/")

    return visit


@pytest.mark.parametrize("options", ["memory", "sqlite"], indirect=True)
@pytest.mark.parametrize("queue", ["", "error"])
def test_messages_that_two_requests_flash_are_both_shown(page, meanwhile, queue):
    page(lambda session: session.update(a=1))
    page(
        lambda session: (
            session.flash("one", queue),
            meanwhile(lambda session: session.flash("two", queue)),
        )
    )
    assert page(lambda session: sorted(session.pop_flash(queue))) == "['one', 'two']"


@pytest.mark.parametrize("options", ["memory", "sqlite"], indirect=True)
def test_message_that_comes_while_the_others_are_shown_is_kept(page, meanwhile):
    page(lambda session: session.flash("one"))
    shown = page(
        lambda session: (
            session.pop_flash(),
            meanwhile(lambda session: session.flash("two")),
        )
    )
    assert shown == "(['one'], None)"
    assert page(lambda session: session.pop_flash()) == "['two']"


def test_empty_queue_is_no_change(page):
    page(lambda session: (session.pop_flash(), session.peek_flash()))
    assert "Set-Cookie" not in page.response.headers


def test_csrf_token_stays_until_another_is_made(page):
    first = page(lambda session: session.get_csrf_token())
    assert len(first) == 42  # with its quotes
    assert page(lambda session: session.get_csrf_token()) == first
    second = page(lambda session: session.new_csrf_token())
    assert second != first
    assert page(lambda session: session.get_csrf_token()) == second


def test_untouched_session_sends_nothing(page):
    page(lambda session: None)
    assert "Set-Cookie" not in page.response.headers
    assert "Vary" not in page.response.headers


def test_csrf_check_of_pyramid(options):
    config = Configurator(session_factory=session_factory)
    config.set_csrf_storage_policy(LegacySessionCSRFStoragePolicy())
    config.set_default_csrf_options(require_csrf=True)
    config.add_route("index", "/")
    view = lambda request: Response(request.session.get_csrf_token())  # noqa: E731
    config.add_view(view, route_name="index")
    chain = standard(config.make_wsgi_app(), current_app=App("legacy"), **options)
    client = TestApp(chain, lint=True)
    token = client.get("/").text
    assert client.post("/", {"csrf_token": token}).text == token
    client.post("/", {"csrf_token": "another"}, status=400)


def test_without_a_pipeline_the_error_says_what_to_write():
    with pytest.raises(RuntimeError, match="outside SessionMiddleware, or there is none"):
        session_factory(Request.blank("/"))


def test_without_pyramid_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyramid.interfaces", None)
    monkeypatch.delitem(sys.modules, "wsgikit.bridges.pyramid")
    with pytest.raises(MissingExtraError, match=r"wsgikit\[pyramid\]"):
        importlib.import_module("wsgikit.bridges.pyramid")
