"""Sessions in the whole chain: parallel requests, failing ones, and stores that are away."""

import secrets
import threading
import uuid
from random import Random

import pytest
from foreign_cookies import flask_cookie

from wsgikit import App, Pipeline, flash, get_flashed_messages, session
from wsgikit.errors import SessionConflict, SessionError, SessionLocked, SessionUnavailable
from wsgikit.middleware import ContextMiddleware, ErrorMiddleware, SessionMiddleware, standard
from wsgikit.sessions import MemoryStore, make_store, merge_lists
from wsgikit.sessions.readers import FlaskCookie
from wsgikit.testing import TestApp

KEY = "a key for tests"
NAME = "wsgikit_session"


class Site:
    """An app whose only view does what the test says."""

    def __init__(self, **options):
        self.app = App("site", config={"SECRET_KEY": KEY})
        self.app.add_url_rule("/", "index", lambda: self.do())
        self.chain = standard(self.app, **options)

    def browser(self, like=None):
        client = TestApp(self.chain, current_app=self.app)
        for name, value in like.cookies.items() if like is not None else ():
            client.set_cookie(name, value)
        return client

    def visit(self, client, do, **options):
        self.do = lambda: do() or "ok"
        return client.get("/", **options)

    def read(self, client):
        self.do = lambda: dict(session)
        return client.get("/").json


def put(**values):
    return lambda: session.update(values)


class Failing(MemoryStore):
    """A store that can be away."""

    down = False

    def load(self, key):
        self._check()
        return super().load(key)

    def create(self, *args, **options):
        self._check()
        return super().create(*args, **options)

    def _check(self):
        if self.down:
            raise SessionUnavailable from ConnectionError("down")


@pytest.fixture
def store():
    return MemoryStore()


# Two requests at once


def test_write_beside_one_that_shows_the_last_message_is_kept(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, lambda: flash("saved"))
    other = site.browser(client)

    def add_to_cart():
        session["cart"] = [1]
        site.visit(other, lambda: str(get_flashed_messages()))

    site.visit(client, add_to_cart)
    assert site.read(client) == {"cart": [1]}


def test_equal_items_that_two_requests_add_are_two(store):
    site = Site(store=store, conflict={"cart": merge_lists})

    def add(item):
        session["cart"] = [*session.get("cart", []), item]

    client = site.browser()
    site.visit(client, lambda: add("apple"))
    other = site.browser(client)

    def add_while_another_adds():
        add("apple")
        site.visit(other, lambda: add("pear"))

    site.visit(client, add_while_another_adds)
    assert sorted(site.read(client)["cart"]) == ["apple", "apple", "pear"]


@pytest.mark.parametrize("key", ["_flashes", "_f_", "_f_errors"])
def test_messages_of_two_requests_are_both_kept_whatever_the_policy(key, store):
    site = Site(store=store, conflict="raise")
    client = site.browser()
    site.visit(client, put(a=1))
    other = site.browser(client)

    def say():
        session[key] = ["mine"]
        site.visit(other, lambda: session.update({key: ["theirs"]}))

    site.visit(client, say)
    assert site.read(client)[key] == ["theirs", "mine"]


def test_conflict_is_a_page_with_409_that_an_error_handler_may_make(store):
    site = Site(store=store, conflict="raise")
    client = site.browser()
    site.visit(client, put(n=0))
    other = site.browser(client)

    def write():
        session["n"] = 1
        site.visit(other, put(n=2))

    assert "another request" in site.visit(client, write, status=409).text.lower()
    site.app.errorhandler(SessionConflict)(lambda error: ("again, please", 409))
    site.visit(other, put(n=0))
    assert site.visit(client, write, status=409).text == "again, please"
    assert site.read(client) == {"n": 2}


def test_two_logins_at_once_do_not_end_each_other(store):
    site = Site(store=store, max_per_user=1)
    barrier, iterate = threading.Barrier(2), store.iterate

    def both_are_there(user_id=None):
        barrier.wait(60)
        records = [*iterate(user_id)]
        barrier.wait(60)
        return iter(records)

    store.iterate = both_are_there
    site.do = lambda: session.bind("ada") or "ok"
    threads = [threading.Thread(target=site.browser().get, args=("/",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([*iterate("ada")]) == 1


def test_layers_of_one_url_have_one_session(tmp_path):
    url = f"sqlite:///{tmp_path / 'sessions.sqlite3'}"
    site = Site(store=url)
    outer = App("outer")
    outer.before_request(lambda: session.update(outer=1))
    client = TestApp(
        standard(site.chain, current_app=outer, secret_key=KEY, store=url), current_app=outer
    )
    site.visit(client, put(inner=1))
    assert site.read(client) == {"outer": 1, "inner": 1}
    for layer in (*outer.chain, *site.app.chain):
        if isinstance(layer, SessionMiddleware):
            layer.store.close()


# Old ids


@pytest.fixture(params=["memory", "sqlite"])
def any_store(request, tmp_path):
    urls = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path / 'sessions.sqlite3'}"}
    store = make_store(urls[request.param])
    yield store
    store.close()


def test_old_id_begins_no_session_with_the_old_data(any_store):
    site = Site(store=any_store)
    victim = site.browser()
    site.visit(victim, put(user="ada"))
    thief = site.browser(victim)
    site.visit(victim, lambda: session.regenerate())
    site.visit(thief, lambda: session.regenerate())
    assert thief.cookies[NAME] != victim.cookies[NAME]
    site.visit(victim, lambda: session.destroy())
    assert site.read(thief) == {}
    assert [*any_store.iterate()] == []


def test_form_that_is_sent_twice_goes_on_with_the_session_of_the_first(any_store):
    site = Site(store=any_store)
    client = site.browser()
    site.visit(client, put(user="ada", cart=[1]))
    second = site.browser(client)

    def change_password():
        session["hash"] = "new"
        session.regenerate()

    site.visit(client, change_password)
    assert "Set-Cookie" not in site.visit(second, change_password).headers
    assert site.read(client) == {"user": "ada", "cart": [1], "hash": "new"}


def test_old_id_that_also_flashes_replaces_nothing(any_store):
    site = Site(store=any_store)
    client = site.browser()
    site.visit(client, put(cart=[1]))
    planted = site.browser(client)
    site.visit(
        client, lambda: (session.update(user="ada"), flash("hello"), session.regenerate())[2]
    )
    site.visit(planted, lambda: (session.update(user="eve"), flash("ha"))[1])
    client_sees = site.read(client)
    assert client_sees["user"] == "ada"
    assert [message for _, message in client_sees["_flashes"]] == ["hello", "ha"]


def test_policy_theirs_holds_beside_a_value_that_is_merged(store):
    site = Site(store=store, conflict="theirs")
    client = site.browser()
    site.visit(client, put(n=0))
    other = site.browser(client)

    def write():
        session["n"] = 1
        flash("mine")
        site.visit(other, lambda: (session.update(n=2), flash("theirs"))[1])

    site.visit(client, write)
    assert site.read(client)["n"] == 2


def test_session_that_ended_meanwhile_is_not_brought_back_by_regenerate(any_store):
    site = Site(store=any_store)
    client = site.browser()
    site.visit(client, put(user="ada"))
    slow = site.browser(client)

    def rotate_late():
        session["seen"] = True
        site.visit(client, lambda: session.regenerate())
        site.visit(client, lambda: session.destroy())
        session.regenerate()

    site.visit(slow, rotate_late)
    assert [*any_store.iterate()] == []


def test_bind_by_an_old_id_counts_for_a_session_of_nobody(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, put(cart=[1]))
    other = site.browser(client)
    site.visit(client, lambda: session.regenerate())
    site.visit(other, lambda: session.bind("ada"))
    assert len([*store.iterate("ada")]) == 1
    site.visit(other, lambda: session.bind("eve"))
    assert [*store.iterate("eve")] == []


# Requests that fail


@pytest.mark.parametrize("kept_in", ["cookie", "store"])
@pytest.mark.parametrize("late", [False, True])
def test_logout_in_a_request_that_fails_is_one(kept_in, late, store):
    site = Site(store=store if kept_in == "store" else None)
    client = site.browser()
    site.visit(client, put(user="ada"))

    def fail():
        session.destroy()
        raise LookupError

    def fail_late():
        def stream():
            fail()
            yield ""

        return stream()

    site.visit(client, fail_late if late else fail, status=500)
    assert client.cookies == {}
    assert site.read(client) == {}


def test_logout_is_one_also_if_what_follows_is_too_large():
    site = Site(oversize="keep")
    client = site.browser()
    site.visit(client, put(user="ada"))
    big = secrets.token_urlsafe(6000)
    site.visit(client, lambda: (session.destroy(), session.update(draft=big), None)[2])
    assert site.read(client) == {}


def legacy_chain(store):
    """A layer whose app starts its response and then fails, with no hooks in between."""

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/fill":
            session["cart"] = [1]
        elif environ["PATH_INFO"] == "/login":
            session.regenerate()
        text = repr(dict(session)).encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/login":
            raise LookupError
        return [text]

    return (
        Pipeline()
        .use(ContextMiddleware, current_app=App("legacy", config={"PROPAGATE_EXCEPTIONS": False}))
        .use(ErrorMiddleware)
        .use(SessionMiddleware, secret_key=KEY, store=store, grace=0)
        .run(app)
    )


def test_error_after_the_start_loses_no_session_that_has_a_new_id(store):
    client = TestApp(legacy_chain(store))
    client.get("/fill")
    old = client.cookies[NAME]
    answer = client.get("/login", status=500)
    assert len(answer.headers.getall("Set-Cookie")) == 1
    assert client.cookies[NAME] != old
    assert client.get("/").text == "{'cart': [1]}"


def test_cookie_of_another_framework_that_would_be_too_large_as_ours_stays(caplog):
    def fill(flask_session):
        # Flask writes 32 characters for each, and ours are 36.
        flask_session["ids"] = [uuid.UUID(bytes=random.randbytes(16)) for _ in range(145)]
        flask_session["user"] = "ada"

    random = Random(1)
    old = flask_cookie(fill, SECRET_KEY="old")
    assert 3700 < len(old) < 4060
    site = Site(readers=[FlaskCookie("old")])
    client = site.browser()
    client.set_cookie("session", old)
    assert site.visit(client, lambda: session["user"]).text == "ada"
    assert client.cookies["session"].strip(chr(34)) == old
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def retried_chain(store):
    """A layer that calls what is inside again after a failure, with the same environ."""
    tries = []

    class Retry:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            try:
                return self.app(environ, start_response)
            except LookupError:
                return self.app(environ, start_response)

    def app(environ, start_response):
        tries.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/login":
            session.destroy()
            if tries.count("/login") == 1:
                raise LookupError
            session["user"] = "ada"
        text = repr(dict(session)).encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text]

    return (
        Pipeline()
        .use(ContextMiddleware, current_app=App("legacy"))
        .use(Retry)
        .use(SessionMiddleware, secret_key=KEY, store=store)
        .run(app)
    )


@pytest.mark.parametrize("kept_in", ["cookie", "store"])
def test_second_try_owes_nothing_for_the_first(kept_in, store):
    client = TestApp(retried_chain(store if kept_in == "store" else None))
    (cookie,) = client.get("/login").headers.getall("Set-Cookie")
    assert "Max-Age=0" not in cookie
    assert client.get("/").text == "{'user': 'ada'}"


def test_page_of_an_error_that_has_a_session_cookie_is_kept_from_shared_caches(store):
    client = TestApp(legacy_chain(store))
    client.get("/fill")
    answer = client.get("/login", status=500)
    assert answer.headers["Cache-Control"] == 'no-cache="Set-Cookie"'
    assert "Cookie" in answer.headers["Vary"]


def test_layer_outside_has_the_last_word_on_cookies(store):
    class NoCookies:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            def start(status, headers, *exc_info):
                kept = [header for header in headers if header[0] != "Set-Cookie"]
                return start_response(status, kept, *exc_info)

            return self.app(environ, start)

    def app(environ, start_response):
        session["a"] = 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    chain = (
        Pipeline()
        .use(ContextMiddleware, current_app=App("legacy"))
        .use(NoCookies)
        .use(SessionMiddleware, secret_key=KEY, store=store)
        .run(app)
    )
    assert "Set-Cookie" not in TestApp(chain).get("/").headers


# What clear() leaves


def test_values_that_are_put_back_after_clear_are_still_the_users(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, lambda: (session.update(a=1, b=2), session.bind("ada"))[1])
    site.visit(client, lambda: (session.clear(), session.update(a=1), None)[2])
    assert site.read(client) == {"a": 1}
    assert store.revoke_all("ada") == 1


def test_cleared_session_of_a_user_ends_whatever_another_request_writes(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, lambda: (session.update(a=1), session.bind("ada"))[1])
    other = site.browser(client)
    seen = []

    def log_out():
        session.clear()
        seen.append(session.user_id)
        site.visit(other, put(b=2))

    site.visit(client, log_out)
    assert seen == [None]
    assert client.cookies == {}
    assert [*store.iterate()] == []


# Stores that are away


@pytest.mark.parametrize("policy", ["empty", "cookie"])
@pytest.mark.parametrize(
    "leave",
    [
        lambda: session.clear(),
        lambda: session.pop("user", None),
        lambda: session.pop("user"),
        lambda: session.__delitem__("user"),
        lambda: session.destroy(),
    ],
)
def test_logout_is_a_503_while_the_store_is_away(policy, leave):
    store = Failing()
    site = Site(store=store, outage=policy)
    client = site.browser()
    site.visit(client, put(user="ada"))
    store.down = True
    answer = site.visit(client, leave, status=503)
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("policy", ["empty", "cookie"])
def test_visitor_without_a_session_may_remove_what_is_not_there(policy):
    store = Failing()
    site = Site(store=store, outage=policy)
    client = site.browser()
    client.set_cookie(NAME, site.app.chain[2].keeper._cookie._codec.seal('"unknown"'))
    store.down = True
    site.visit(client, lambda: str(session.pop("user", "nobody")), status=503)
    client = site.browser()
    assert site.visit(client, lambda: str(session.pop("user", "nobody"))).text == "nobody"


def test_session_in_its_own_cookie_needs_no_store():
    store = Failing()
    site = Site(store=store, outage="cookie", oversize="spill")
    client = site.browser()
    site.visit(client, put(user="ada"))
    store.down = True
    assert site.read(client) == {"user": "ada"}
    big = secrets.token_urlsafe(6000)
    site.visit(client, put(big=big), status=503)


def test_what_was_written_in_an_outage_can_be_removed_in_it():
    store = Failing()
    site = Site(store=store, outage="cookie")
    client = site.browser()
    site.visit(client, put(user="ada"))
    store.down = True
    site.visit(client, lambda: flash("hello"))
    assert site.visit(client, lambda: str(get_flashed_messages())).text == "['hello']"
    assert site.visit(client, lambda: str(get_flashed_messages())).text == "[]"


def test_change_that_no_cookie_can_hold_is_a_503_in_an_outage():
    store = Failing()
    site = Site(store=store, outage="cookie")
    store.down = True
    site.visit(site.browser(), put(big=secrets.token_urlsafe(6000)), status=503)


@pytest.mark.parametrize("use", [put(a=1), lambda: session.destroy(), lambda: session.lock()])
def test_framework_that_makes_a_500_of_a_refusal_answers_503(use):
    store = Failing()
    site = Site(store=store, outage="empty")
    client = site.browser()
    site.visit(client, put(user="ada"))
    store.down = True

    def answer_all_errors():
        try:
            return use()
        except SessionUnavailable:
            return "a framework's own page", 500

    site.visit(client, answer_all_errors, status=503)


def test_answer_of_the_apps_own_to_a_refusal_is_left_alone(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, put(n=0))
    other = site.browser(client)

    def give_up():
        with pytest.raises(SessionLocked):
            session.lock(wait=0)
        return "busy", 502

    def hold():
        session.lock()
        assert site.visit(other, give_up, status=502).text == "busy"

    site.visit(client, hold)


def test_lock_is_given_back_when_a_refusal_becomes_the_answer():
    store = Failing()
    site = Site(store=store)
    client = site.browser()
    site.visit(client, put(n=0))

    def fail_locked():
        session.lock()
        store.down = True
        try:
            return str(dict(session))
        except SessionUnavailable:
            store.down = False
            return "a framework's own page", 500

    site.visit(client, fail_locked, status=503)
    assert store.lock(session_key(store), "another", ttl=1)


def session_key(store):
    (record,) = MemoryStore.iterate(store)
    return record.key


def test_lock_of_a_session_that_is_still_in_its_cookie_is_refused(store):
    site = Site(store=store, oversize="spill")
    client = site.browser()
    site.visit(client, put(n=1))
    caught = []

    def lock():
        with pytest.raises(SessionError) as raised:
            session.lock()
        caught.append(str(raised.value))

    site.visit(client, lock)
    assert "spill" in caught[0]


def test_lock_of_a_new_session_keeps_nobody_out(store):
    site = Site(store=store)
    client = site.browser()
    site.visit(client, lambda: (session.lock(), session.update(n=1), None)[2])
    assert site.read(client) == {"n": 1}


def test_logout_reaches_the_browser_when_a_layer_outside_the_session_fails():
    app = App("site")
    app.add_url_rule("/in", "log_in", lambda: session.update(user="ada") or "in")
    app.add_url_rule("/out", "log_out", lambda: session.destroy() or "out")

    def failing(inner):
        def start_fails(environ, start_response):
            def start(status, headers, exc_info=None):
                if environ["PATH_INFO"] == "/out":
                    raise ValueError("no such header")
                return start_response(status, headers)

            return inner(environ, start)

        return start_fails

    chain = (
        Pipeline()
        .use(ContextMiddleware, current_app=app)
        .use(ErrorMiddleware)
        .use(failing)
        .use(SessionMiddleware, secret_key=KEY)
        .run(app)
    )
    client = TestApp(chain, current_app=app)
    client.get("/in")
    assert NAME in client.cookies
    client.get("/out", status=500)
    assert NAME not in client.cookies
