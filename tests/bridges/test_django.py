"""What Django promises of its sessions and logins, kept by the bridge."""

from __future__ import annotations

import importlib
import sys
import types
from contextlib import closing
from datetime import timedelta

import pytest
from django.contrib import messages
from django.contrib.auth import (
    alogin,
    alogout,
    authenticate,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.sessions.management.commands.clearsessions import Command
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test.utils import override_settings
from django.urls import path
from webtest import TestApp

from wsgikit import App
from wsgikit import session as pipeline_session
from wsgikit.bridges.django import SessionStore
from wsgikit.errors import MissingExtraError
from wsgikit.middleware import SessionMiddleware, standard
from wsgikit.sessions import key_of, make_store

COOKIE = "wsgikit_session"
DAY = 24 * 60 * 60


@pytest.fixture
def views():
    return []


@pytest.fixture
def chain(django_site, options, views):
    """Settings may be given to it, before the first page."""

    def index(request):
        answer = views.pop(0)(request)
        return answer if isinstance(answer, HttpResponse) else HttpResponse(repr(answer))

    async def aindex(request):
        return HttpResponse(repr(await views.pop(0)(request)))

    def make(**settings):
        urls = [path("", index), path("async", aindex)]
        urls.append(path("login", LoginView.as_view(next_page="/")))
        urls.append(path("logout", LogoutView.as_view(next_page="/")))
        site = django_site(urls, DEBUG_PROPAGATE_EXCEPTIONS=True, **settings)
        return standard(site, current_app=App("legacy", config={"TESTING": True}), **options)

    return make


@pytest.fixture
def client(chain):
    return TestApp(chain(), lint=True)


@pytest.fixture
def page(client, views):
    """Run ``view(request)`` in a request of its own, and return the repr of what it returned."""

    def visit(view, url="/"):
        views.append(view)
        visit.response = client.get(url)
        return visit.response.text

    return visit


@pytest.fixture
def apage(page):
    """Run ``await view(request)`` in an async view."""
    return lambda view: page(view, "/async")


def kept(request):
    return {name: value for name, value in request.session.items() if name != "_permanent"}


def fill(request):
    request.session.update({"a": 1, "b": {"c": []}})


def cookies_of(response):
    return [line.partition("=")[0] for line in response.headers.getall("Set-Cookie")]


def test_it_is_the_session_of_the_pipeline(page):
    def write(request):
        request.session["a"] = 1
        pipeline_session["b"] = 2
        seen = dict(request.session.items())
        return seen["a"] == 1 and seen == dict(pipeline_session) == request.session.load()

    assert page(write) == "True"
    assert page(kept) == "{'a': 1, 'b': 2}"
    assert cookies_of(page.response) == []


def test_cookie_is_the_pipelines_alone(page):
    page(fill)
    assert cookies_of(page.response) == [COOKIE]


def test_methods_of_a_dict(page):
    def change(request):
        session = request.session
        session["d"] = 4
        del session["a"]
        assert session.pop("d") == 4
        assert session.pop("d", None) is None
        with pytest.raises(KeyError):
            session.pop("d")
        assert session.setdefault("e", 5) == session.setdefault("e", 6) == 5
        assert "e" in session
        assert session.has_key("e")
        assert session.get("f", 6) == 6
        assert {"c": []} in session.values()
        return sorted(session.keys())

    page(fill)
    assert page(change) == "['_permanent', 'b', 'e']"
    assert page(kept) == "{'b': {'c': []}, 'e': 5}"


def test_async_methods_of_a_dict(apage, page):
    async def change(request):
        session = request.session
        await session.aset("d", 4)
        await session.aupdate({"e": 5, "f": 6})
        assert await session.apop("d") == 4
        assert await session.apop("d", None) is None
        with pytest.raises(KeyError):
            await session.apop("d")
        assert await session.asetdefault("e", 6) == await session.aget("e") == 5
        assert await session.ahas_key("f")
        assert 6 in await session.avalues()
        return sorted(await session.akeys())

    assert apage(change) == "['_permanent', 'e', 'f']"
    assert page(kept) == "{'e': 5, 'f': 6}"


def test_nested_change_is_noticed(page):
    page(fill)
    page(lambda request: request.session["b"]["c"].append(1))
    assert page(lambda request: request.session["b"]) == "{'c': [1]}"


def test_marked_as_modified_it_is_written(page):
    def mark(request):
        request.session.modified = True
        return request.session.modified, pipeline_session.modified

    page(fill)
    assert page(mark) == "(False, True)"


def test_missing_key_popped_leaves_the_other_changes(page):
    page(lambda request: (fill(request), request.session.pop("z", None)))
    assert page(kept) == "{'a': 1, 'b': {'c': []}}"


def test_test_cookie(page):
    page(lambda request: request.session.set_test_cookie())
    check = lambda request: (  # noqa: E731
        request.session.test_cookie_worked(),
        request.session.delete_test_cookie(),
    )
    assert page(check) == "(True, None)"
    assert page(kept) == "{}"


@pytest.mark.parametrize("empty", ["clear", "flush"])
def test_emptied_session_expires_the_cookie(page, client, empty):
    page(fill)
    assert COOKIE in client.cookies
    page(lambda request: getattr(request.session, empty)())
    assert cookies_of(page.response) == [COOKIE]
    assert COOKIE not in client.cookies
    assert page(kept) == "{}"


def test_flush_ends_it_in_the_store_at_once(page, options):
    def end(request):
        request.session.flush()
        return options["store"] is None or list(options["store"].iterate()) == []

    page(fill)
    assert page(end) == "True"


def test_untouched_session_sends_nothing(chain, views):
    views.append(lambda request: None)
    response = TestApp(chain(CSRF_USE_SESSIONS=False), lint=True).get("/")
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


def test_vary_comes_once_when_it_was_read(page):
    page(lambda request: request.session.get("a"))
    assert page.response.headers.getall("Vary") == ["Cookie"]


@pytest.mark.parametrize("value", ["", "x", "a-session-of-the-database-backend"])
def test_stale_cookie_of_django_is_neither_read_nor_touched(page, client, value):
    client.set_cookie("sessionid", value)
    assert page(lambda request: (fill(request), request.session.session_key)) == "(None, None)"
    assert cookies_of(page.response) == [COOKIE]
    page(lambda request: request.session.flush())
    assert cookies_of(page.response) == [COOKIE]
    assert "sessionid" in client.cookies


def test_pipeline_cookie_may_have_the_name_of_djangos(chain, options, views):
    options["cookie_name"] = "sessionid"
    client = TestApp(chain(), lint=True)
    views.extend([fill, kept, lambda request: request.session.flush()])
    client.get("/")
    assert client.get("/").text == "{'a': 1, 'b': {'c': []}}"
    assert cookies_of(client.get("/")) == ["sessionid"]
    assert "sessionid" not in client.cookies


def test_cache_of_django_keeps_visitors_apart(chain, views):
    app = chain(
        MIDDLEWARE=[
            "django.middleware.cache.UpdateCacheMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.cache.FetchFromCacheMiddleware",
        ]
    )
    ada, eve = TestApp(app), TestApp(app)
    greet = lambda request: HttpResponse(request.session.get("name", "nobody"))  # noqa: E731
    for client, name in (ada, "ada"), (eve, "eve"):
        views.append(lambda request, name=name: request.session.update({"name": name}))
        client.post("/")
        views.append(greet)
        assert client.get("/").text == name
    assert ada.get("/").text == "ada"
    assert not views


def test_error_page_keeps_the_former_session(page):
    def fail(request):
        request.session["half"] = "done"
        return HttpResponse("failed", status=500)

    def visit_failing():
        page(fail)

    with pytest.raises(Exception, match="500"):
        visit_failing()
    assert page(kept) == "{}"


# Keys


def test_session_has_a_key_once_it_was_saved(page):
    key = lambda request: request.session.session_key  # noqa: E731
    page(fill)
    assert page(key) == "None"
    saved = page(lambda request: (request.session.save(), request.session.session_key)[1])
    assert len(saved) == 34  # with its quotes
    assert page(key) == page(key) == saved


def test_saved_session_is_written(page):
    def save(request):
        before = pipeline_session.modified
        request.session.save()
        return before, pipeline_session.modified

    page(save)
    assert page(save) == "(False, True)"


def test_created_session_has_another_key(page):
    create = lambda request: (request.session.create(), request.session.session_key)[1]  # noqa: E731
    assert page(create) != page(create)


@pytest.mark.parametrize("change", ["cycle_key", "flush"])
def test_key_does_not_outlive_the_id(page, change):
    def renew(request):
        request.session.save()
        first = request.session.session_key
        getattr(request.session, change)()
        return first == request.session.session_key

    assert page(renew) == "False"


def test_key_of_this_session_exists_and_is_deleted(page):
    def delete(request):
        fill(request)
        request.session.create()
        key = request.session.session_key
        exists = request.session.exists(key)
        request.session.delete(key)
        return exists, kept(request)

    assert page(delete) == "(True, {})"


def test_session_without_a_key_is_deleted(page):
    assert page(lambda request: (fill(request), request.session.delete(), kept(request))) == (
        "(None, None, {})"
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda request: SessionStore("another"),
        lambda request: request.session.exists("another"),
        lambda request: request.session.delete("another"),
    ],
)
def test_other_sessions_are_the_stores_matter(page, use):
    def view(request):
        fill(request)
        with pytest.raises(
            NotImplementedError, match=r"iterate\(user_id\), revoke\(user_id, key\)"
        ):
            use(request)
        return kept(request)

    assert page(view) == "{'a': 1, 'b': {'c': []}}"


def test_outside_a_request_the_error_says_what_to_write():
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        SessionStore()


def test_saving_every_request_is_refused(chain):
    client = TestApp(chain(SESSION_SAVE_EVERY_REQUEST=True))
    with pytest.raises(ImproperlyConfigured, match="refresh_interval=0"):
        client.get("/")


# Lifetimes


def expire_in(value):
    return lambda request: (fill(request), request.session.set_expiry(value))


@pytest.mark.parametrize(
    ("value", "browser", "permanent"),
    [(0, False, False), (31 * DAY, True, True), (timedelta(31), True, True), (None, True, True)],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_expiry(page, apage, value, browser, permanent, is_async):
    async def expire(request):
        await request.session.aset_expiry(value)
        return await request.session.aget_expire_at_browser_close()

    if is_async:
        assert apage(expire) == str(not permanent)
    else:
        page(expire_in(value))
        assert page.response.headers["Set-Cookie"].count("Max-Age") == permanent
    assert page(lambda request: request.session.get_expire_at_browser_close()) == str(not permanent)
    assert page(lambda request: request.session.get_expiry_age()) == str(31 * DAY)


def test_expiry_as_the_settings_say(chain, views):
    client = TestApp(chain(SESSION_EXPIRE_AT_BROWSER_CLOSE=True), lint=True)
    for write in (fill, expire_in(None)):
        client.reset()
        views.append(write)
        assert "Max-Age" not in client.get("/").headers["Set-Cookie"]


@pytest.mark.parametrize(
    "write",
    [
        fill,
        lambda request: request.session.setdefault("a", 1),
        lambda request: request.session.set_test_cookie(),
        lambda request: request.session.save(),
        lambda request: request.session.create(),
        lambda request: (fill(request), request.session.clear(), fill(request)),
        lambda request: (fill(request), request.session.flush(), fill(request)),
    ],
)
def test_session_of_nobody_is_as_permanent_as_the_settings_say(page, write):
    page(write)
    assert "Max-Age=2678400;" in page.response.headers["Set-Cookie"]


def test_session_that_is_only_read_is_not_begun(page):
    page(lambda request: (request.session.get("a"), request.session.get_expire_at_browser_close()))
    assert cookies_of(page.response) == []


def test_expiry_once_chosen_is_left_alone(page):
    page(expire_in(0))
    page(lambda request: request.session.update({"a": 2}))
    assert page(lambda request: request.session.get_expire_at_browser_close()) == "True"


@pytest.mark.parametrize("value", [300, timedelta(hours=1), 400 * DAY])
def test_expiry_that_cannot_be_kept_is_refused(page, value):
    def view(request):
        with pytest.raises(ValueError, match=r"all sessions of this pipeline end after 2678400"):
            request.session.set_expiry(value)

    page(view)


def test_expired_sessions_are_purged_from_the_store(chain, views, options, monkeypatch):
    app = chain(WSGI_APPLICATION="site_for_clearsessions.application")
    module = types.ModuleType("site_for_clearsessions")
    module.application = app
    monkeypatch.setitem(sys.modules, "site_for_clearsessions", module)
    views.append(fill)
    TestApp(app).get("/")
    store = options["store"]
    if store is not None:
        (record,) = store.iterate()
        store.touch(record.key, ttl=-1)
    call_command(Command())
    assert store is None or store.purge() == 0


def test_store_that_is_given_by_its_url_is_purged(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/sessions.sqlite3"
    module = types.ModuleType("site_for_clearsessions")
    module.application = SessionMiddleware(print, secret_key="a key for tests", store=url)
    monkeypatch.setitem(sys.modules, "site_for_clearsessions", module)
    with closing(module.application.store), closing(make_store(url)) as store:
        store.create(key_of("gone"), {}, ttl=-1)
        with override_settings(WSGI_APPLICATION="site_for_clearsessions.application"):
            SessionStore.clear_expired()
        assert store.purge() == 0


def test_without_the_pipeline_at_hand_nothing_is_purged(chain):
    chain(WSGI_APPLICATION=None)
    with pytest.raises(CommandError, match="doesn't support clearing expired sessions"):
        call_command(Command())


# django.contrib.auth


def log_in(name):
    def view(request):
        login(request, authenticate(request, username=name, password="secret"))
        return pipeline_session.user_id

    return view


def who(request):
    return request.user.username


def test_login_and_logout(page, accounts):
    assert page(who) == "''"
    page(log_in("ada"))
    assert page(who) == "'ada'"
    page(lambda request: logout(request))
    assert page(who) == "''"
    assert page(kept) == "{}"


def test_async_login_and_logout(apage, page, accounts):
    async def log_in(request):
        await alogin(request, accounts["ada"], "django.contrib.auth.backends.ModelBackend")

    async def awho(request):
        return (await request.auser()).username

    async def log_out(request):
        await alogout(request)

    apage(log_in)
    assert apage(awho) == page(who) == "'ada'"
    apage(log_out)
    assert apage(awho) == "''"


def test_login_keeps_what_the_visitor_had(page, accounts):
    page(fill)
    page(log_in("ada"))
    assert page(lambda request: request.session["a"]) == "1"


def test_login_of_another_user_takes_nothing_over(page, accounts):
    page(log_in("ada"))
    page(fill)
    page(log_in("eve"))
    assert page(lambda request: (who(request), request.session.get("a"))) == "('eve', None)"


def test_login_binds_the_session_to_the_user_in_a_store(page, accounts, options):
    bound = page(log_in("ada"))
    if options["store"] is None:
        assert bound == "None"
    else:
        user_id = str(accounts["ada"].pk)
        assert bound == repr(user_id)
        assert len(list(options["store"].iterate(user_id))) == 1


def test_planted_cookie_learns_nothing_of_the_login(page, client, accounts):
    page(fill)
    planted = client.cookies[COOKIE]
    page(log_in("ada"))
    assert client.cookies[COOKIE] != planted
    client.reset()
    client.set_cookie(COOKIE, planted.strip('"'))
    assert page(who) == "''"


def test_cookie_from_before_the_logout_is_refused_by_a_store(page, client, accounts, options):
    page(log_in("ada"))
    former = client.cookies[COOKIE].strip('"')
    page(lambda request: logout(request))
    client.reset()
    client.set_cookie(COOKIE, former)
    assert page(who) == ("'ada'" if options["store"] is None else "''")


def test_revoked_session_is_logged_out(page, accounts, options):
    page(log_in("ada"))
    if options["store"] is not None:
        options["store"].revoke_all(str(accounts["ada"].pk))
        assert page(who) == "''"


def test_password_change_keeps_this_session_alone(chain, views, accounts):
    app = chain()
    here, there = TestApp(app), TestApp(app)
    for client in (here, there):
        views.append(log_in("ada"))
        client.get("/")

    def change(request):
        request.user.set_password("another")
        request.user.save()
        update_session_auth_hash(request, request.user)

    views.extend([change, who, who])
    here.get("/")
    assert here.get("/").text == "'ada'"
    assert there.get("/").text == "''"


def test_login_is_as_permanent_as_the_settings_say(page, accounts):
    page(log_in("ada"))
    assert "Max-Age=2678400;" in page.response.headers["Set-Cookie"]


def test_login_leaves_a_decision_alone(page, accounts):
    page(lambda request: (request.session.set_expiry(0), log_in("ada")(request)))
    assert "Max-Age" not in page.response.headers["Set-Cookie"]


def test_login_form_with_csrf_token_in_the_session(page, client, accounts):
    form = {"username": "ada", "password": "secret"}
    client.post("/login", form, status=403)
    token = page(lambda request: HttpResponse(get_token(request)))
    client.post("/login", {**form, "csrfmiddlewaretoken": token}, status=302)
    assert page(who) == "'ada'"
    token = page(lambda request: HttpResponse(get_token(request)))
    client.post("/logout", {"csrfmiddlewaretoken": token}, status=302)
    assert page(who) == "''"
    assert set(client.cookies) <= {COOKIE}


def test_messages_in_the_session_come_once(page):
    shown = lambda request: [str(each) for each in messages.get_messages(request)]  # noqa: E731
    page(lambda request: messages.info(request, "noted"))
    assert page(shown) == "['noted']"
    assert page(shown) == "[]"


def test_without_django_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "django.conf", None)
    monkeypatch.delitem(sys.modules, "wsgikit.bridges.django")
    with pytest.raises(MissingExtraError, match=r"wsgikit\[django\]"):
        importlib.import_module("wsgikit.bridges.django")
