"""SessionMiddleware with a store: what is kept there, and who gets it."""

import logging
import time
from threading import Barrier, Thread

import pytest

from wsgikit.environ import SESSION
from wsgikit.errors import (
    ConfigurationError,
    SessionConflict,
    SessionError,
    SessionLocked,
    SessionTooLarge,
    SessionUnavailable,
    SessionValueError,
)
from wsgikit.middleware import SessionMiddleware
from wsgikit.sessions import Change, MemoryStore, key_of, merge_lists

KEY = "a key for tests"


class Browser:
    """One visitor: keeps the cookies, and has each request use the session as the test says."""

    def __init__(self, serve, store, **options):
        self.serve = serve
        self.cookies = {}
        self.answer = None
        self.layer = SessionMiddleware(self._app, secret_key=KEY, store=store, **options)

    def _app(self, environ, start_response):
        status = environ["test.use"](environ[SESSION]) or "200 OK"
        start_response(status, [("Content-Type", "text/plain")])
        return [b"ok"]

    def send(self, use, cookies=None, **environ):
        """Send a request in which ``use`` gets the session; raise what the layer raises."""
        cookies = self.cookies if cookies is None else cookies
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        environ = {"HTTP_COOKIE": header, "test.use": lambda s: as_status(use(s)), **environ}
        self.answer = self.serve(self.layer, **environ)
        if self.answer.error is not None:
            raise self.answer.error
        self.keep(self.set_cookies)
        return self.set_cookies

    @property
    def set_cookies(self):
        return [value for name, value in self.answer.headers if name == "Set-Cookie"]

    def keep(self, set_cookies):
        for each in set_cookies:
            name, _, value = each.partition(";")[0].partition("=")
            if "Max-Age=0" in each:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    def read(self, cookies=None):
        seen = []
        self.send(lambda session: seen.append(dict(session)), cookies)
        return seen[0]


def as_status(result):
    return result if isinstance(result, str) and result[:3].isdigit() else None


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def browser(serve, store):
    return Browser(serve, store)


def put(**values):
    return lambda session: session.update(values)


def keys(store):
    return [record.key for record in store.iterate()]


def values(store):
    return [dict(record.values) for record in store.iterate()]


# What is kept


def test_values_come_back_and_the_cookie_holds_none_of_them(browser, store):
    (cookie,) = browser.send(put(user="ada", big="x" * 100_000))
    assert len(cookie) < 250
    assert browser.read() == {"user": "ada", "big": "x" * 100_000}
    assert len(keys(store)) == 1


def test_store_has_only_a_hash_of_the_id(browser, store):
    seen = []
    browser.send(put(user="ada"))
    browser.send(lambda session: seen.append((session.stored.session_id, session.key)))
    ((session_id, key),) = seen
    assert keys(store) == [key] == [key_of(session_id)]
    assert len(session_id) >= 43  # 256 bits in base64
    assert session_id not in repr(store._kept)


def test_dump_of_the_store_used_as_cookies_brings_nothing(browser, store):
    browser.send(put(user="ada"))
    (key,) = keys(store)
    signed = browser.layer.keeper._cookie._codec.seal(f'"{key}"')
    for value in (key, signed):
        assert browser.read({"wsgikit_session": value}) == {}


@pytest.mark.parametrize("use", [lambda s: None, len, lambda s: s.get("x"), lambda s: s.new])
def test_visitor_who_only_reads_leaves_nothing_in_the_store(use, browser, store):
    assert browser.send(use) == []
    assert keys(store) == []


def test_emptied_before_it_was_kept_leaves_nothing(browser, store):
    assert browser.send(lambda session: (session.update(a=1), session.clear())) == []
    assert keys(store) == []


def test_reader_writes_nothing(browser, store):
    browser.send(put(user="ada"))
    before = store._kept.copy()
    assert browser.send(lambda session: session["user"]) == []
    assert store._kept == before


def test_nested_change_is_kept(browser):
    browser.send(put(cart=[1]))
    browser.send(lambda session: session["cart"].append(2))
    assert browser.read() == {"cart": [1, 2]}


def test_same_value_again_is_no_write(browser, store):
    browser.send(put(a=1))
    (before,) = store.iterate()
    browser.send(put(a=1))
    assert [*store.iterate()] == [before]


def test_5xx_is_not_kept(browser, store):
    browser.send(lambda session: session.update(a=1) or "500 Oops")
    assert keys(store) == []
    browser.send(put(a=1))
    browser.send(lambda session: session.update(a=2) or "503 Later")
    assert browser.read() == {"a": 1}


def test_second_start_commits_once_and_sends_the_cookie(serve, store):
    import sys

    def app(environ, start_response):
        environ[SESSION]["user"] = "ada"
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b""]

    answer = serve(SessionMiddleware(app, secret_key=KEY, store=store))
    assert len(keys(store)) == 1
    assert [name for name, _ in answer.headers].count("Set-Cookie") == 1


def test_emptied_session_is_deleted_and_its_cookie_too(browser, store):
    browser.send(put(user="ada"))
    (cookie,) = browser.send(lambda session: session.clear())
    assert "Max-Age=0" in cookie
    assert keys(store) == []


def test_response_with_a_cookie_is_kept_from_shared_caches(browser):
    browser.send(put(a=1))
    assert ("Cache-Control", 'no-cache="Set-Cookie"') in browser.answer.headers
    browser.send(len)
    assert "Cache-Control" not in dict(browser.answer.headers)


def test_value_of_an_unknown_type_is_neither_seen_nor_lost(browser, store, caplog):
    browser.send(put(a=1))
    (record,) = store.iterate()
    money = {"money": Change(None, '{"$money":"5"}')}
    store.commit(record.key, money, expected_version=record.version, ttl=60)
    assert browser.read() == {"a": 1}
    assert "session['money']" in caplog.text
    browser.send(put(a=2))
    assert values(store) == [{"a": "2", "money": '{"$money":"5"}'}]
    browser.send(lambda session: session.regenerate())
    assert values(store) == [{"a": "2", "money": '{"$money":"5"}'}]
    browser.send(lambda session: session.destroy())
    assert keys(store) == []


# Ids


@pytest.mark.parametrize("value", ["attackerchosen", "", "x" * 10_000, '"'])
def test_id_of_the_clients_own_choice_is_never_used(value, browser, store):
    chosen = {"wsgikit_session": value}
    browser.send(put(user="ada"), chosen)
    assert browser.read(chosen) == {}
    assert key_of(value) not in keys(store)


def test_signed_id_that_the_store_does_not_know_is_never_used(browser, store):
    unknown = browser.layer.keeper._cookie._codec.seal('"unknown"')
    browser.send(put(user="ada"), {"wsgikit_session": unknown})
    assert keys(store) != [key_of("unknown")]
    assert len(keys(store)) == 1
    assert browser.read({"wsgikit_session": unknown}) == {}


def test_cookie_session_is_no_session_of_the_store(serve, store):
    data = serve(
        SessionMiddleware(lambda e, s: (e[SESSION].update(a=1), s("200 OK", []), [b""])[2],
                          secret_key=KEY)
    )  # fmt: skip
    browser = Browser(serve, store)
    browser.keep([value for name, value in data.headers if name == "Set-Cookie"])
    assert browser.read() == {}


def test_regenerated_session_has_a_new_id_and_the_same_values(browser, store):
    browser.send(put(cart=[1]))
    old = dict(browser.cookies)
    browser.send(lambda session: (session.update(user="ada"), session.regenerate()))
    assert browser.cookies != old
    assert browser.read() == {"cart": [1], "user": "ada"}
    assert len(keys(store)) == 1


def test_old_id_shows_no_more_than_before_and_then_nothing(browser, serve, store, monkeypatch):
    browser.send(put(cart=[1]))
    old = dict(browser.cookies)
    browser.send(lambda session: (session.update(user="ada"), session.regenerate()))
    assert Browser(serve, store).read(old) == {"cart": [1]}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 11)
    assert Browser(serve, store).read(old) == {}
    assert browser.read() == {"cart": [1], "user": "ada"}


@pytest.mark.parametrize("times", [1, 2])
def test_old_id_ends_with_the_session_that_went_on(times, browser, serve, store):
    browser.send(put(user="ada"))
    old = dict(browser.cookies)
    for _ in range(times):
        browser.send(lambda session: session.regenerate())
    assert Browser(serve, store).read(old) == {"user": "ada"}
    browser.send(lambda session: session.destroy())
    assert Browser(serve, store).read(old) == {}


def test_parallel_request_with_the_old_id_loses_nothing_and_replaces_nothing(browser, serve, store):
    browser.send(put(cart=[1], theme="light"))
    parallel = Browser(serve, store)
    parallel.cookies = dict(browser.cookies)
    browser.send(lambda s: (s.update(user="ada", theme="dark"), s.regenerate()))
    sent = parallel.send(put(user="eve", theme="blue", seen=True))
    assert sent == []  # the browser keeps the new id
    assert browser.read() == {"cart": [1], "user": "ada", "theme": "dark", "seen": True}


def test_request_that_had_read_the_session_before_it_was_regenerated(browser, serve, store):
    browser.send(put(cart=[1]))
    old = dict(browser.cookies)

    def slow(session):
        session["seen"] = True
        browser.send(lambda s: (s.update(user="ada"), s.regenerate()))

    assert Browser(serve, store).send(slow, old) == []
    assert browser.read() == {"cart": [1], "user": "ada", "seen": True}


def test_second_login_with_the_old_id_gets_no_id_and_replaces_nothing(browser, serve, store):
    browser.send(put(cart=[1]))
    second = Browser(serve, store)
    second.cookies = dict(browser.cookies)
    browser.send(lambda s: (s.update(user="ada"), s.regenerate()))
    assert second.send(lambda s: (s.update(user="bob", seen=True), s.regenerate())) == []
    assert browser.read() == {"cart": [1], "user": "ada", "seen": True}
    assert second.read() == {"cart": [1]}
    assert len(keys(store)) == 1


def test_first_valid_id_of_several_cookies_counts(browser):
    browser.send(put(user="ada"))
    codec = browser.layer.keeper._cookie._codec
    unknown, value = codec.seal('"unknown"'), browser.cookies["wsgikit_session"]
    tossed = {"wsgikit_session": f"forged; wsgikit_session={unknown}; wsgikit_session={value}"}
    assert browser.read(tossed) == {"user": "ada"}


def test_many_tossed_cookies_do_not_ask_the_store_for_each(browser):
    asked = []
    store = browser.layer.keeper.store
    store.load = lambda key: asked.append(key)
    value = browser.layer.keeper._cookie._codec.seal('"unknown"')
    browser.read({"wsgikit_session": "; wsgikit_session=".join([value] * 100)})
    assert len(asked) == 8


def test_rotated_key_has_the_cookie_written_anew_and_nothing_else(browser, serve, store):
    browser.send(put(user="ada"))
    rotated = Browser(serve, store, secret_key_fallbacks=[KEY])
    rotated.layer = SessionMiddleware(
        rotated._app, secret_key="new", secret_key_fallbacks=[KEY], store=store
    )
    before = store._kept.copy()
    rotated.cookies = dict(browser.cookies)
    rotated.send(len)
    assert rotated.cookies != browser.cookies
    assert store._kept == before
    assert rotated.read() == {"user": "ada"}
    assert browser.read(rotated.cookies) == {}


# Its end


def test_destroyed_session_is_gone_from_store_and_browser(browser, serve, store):
    browser.send(put(user="ada"))
    stolen = dict(browser.cookies)
    (cookie,) = browser.send(lambda session: session.destroy())
    assert "Max-Age=0" in cookie
    assert keys(store) == []
    assert Browser(serve, store).read(stolen) == {}


def test_destroyed_session_is_gone_even_if_the_request_fails(browser, store):
    browser.send(put(user="ada"))
    browser.send(lambda session: session.destroy() or "500 Oops")
    assert keys(store) == []
    assert browser.cookies == {}


def test_what_is_written_after_destroy_makes_a_new_session(browser, store):
    browser.send(put(user="ada"))
    old = dict(browser.cookies)
    seen = []

    def use(session):
        session.destroy()
        seen.append((session.new, dict(session), session.key))
        session["next"] = "/"

    (cookie,) = browser.send(use)
    assert seen == [(True, {}, None)]
    assert "Max-Age" not in cookie
    assert browser.read() == {"next": "/"}
    assert browser.read(old) == {}


def test_session_destroyed_meanwhile_is_not_brought_back(browser, serve, store, caplog):
    browser.send(put(user="ada"))

    def slow(session):
        session["seen"] = True
        Browser(serve, store).send(lambda s: s.destroy(), dict(browser.cookies))

    assert browser.send(slow) == []
    assert keys(store) == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_logout_with_the_old_id_ends_the_session(browser, serve, store):
    browser.send(put(user="ada"))
    old = dict(browser.cookies)
    browser.send(lambda session: session.regenerate())
    Browser(serve, store).send(lambda session: session.destroy(), old)
    assert browser.read() == {}


def test_emptying_keeps_what_another_request_has_put_in(browser, serve, store):
    browser.send(put(a=1))

    def slow(session):
        session.clear()
        Browser(serve, store).send(put(b=2), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"b": 2}


@pytest.mark.parametrize(
    ("options", "step"), [({"max_age": 100}, 101), ({"absolute_lifetime": 100}, 101)]
)
def test_session_ends_by_time(options, step, serve, store, monkeypatch):
    browser = Browser(serve, store, **options)
    browser.send(put(user="ada"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + step)
    assert browser.read() == {}


def test_use_prolongs_the_idle_time_and_not_the_absolute_one(serve, store, monkeypatch):
    browser = Browser(serve, store, max_age=100, absolute_lifetime=250)
    now = time.time()
    browser.send(put(user="ada"))
    seen = []
    for step in (90, 180, 240, 251):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        seen.append(browser.read())
    assert seen == [{"user": "ada"}] * 3 + [{}]


def test_reading_touches_the_store_at_most_each_tenth_of_the_lifetime(serve, store, monkeypatch):
    browser = Browser(serve, store, max_age=100)
    touched = []
    touch = store.touch
    store.touch = lambda key, **options: (touched.append(key), touch(key, **options))
    now = time.time()
    browser.send(put(user="ada"))
    for step in (5, 9, 11, 15, 20, 22):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        browser.read()
    assert len(touched) == 2


def test_permanent_cookie_is_sent_again_as_its_session_lives_on(serve, store, monkeypatch):
    browser = Browser(serve, store, max_age=100)
    now = int(time.time())
    monkeypatch.setattr(time, "time", lambda: now)
    (cookie,) = browser.send(lambda s: (s.update(n=0), setattr(s, "permanent", True)))
    assert "Max-Age=100" in cookie
    sent = []
    for step in range(0, 30, 5):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        sent.append(len(browser.send(put(n=step))))  # each a write, so that none is due for age
    assert sent == [0, 0, 1, 0, 1, 0]


# Two requests at once


def test_different_keys_are_merged(browser, serve, store):
    browser.send(put(a=1))

    def slow(session):
        session["b"] = 2
        Browser(serve, store).send(put(c=3), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"a": 1, "b": 2, "c": 3}


def test_slow_reader_overwrites_nothing(browser, serve, store):
    browser.send(put(a=1))

    def slow(session):
        assert session["a"] == 1
        Browser(serve, store).send(put(a=2, b=1), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("conflict", "expected"),
    [
        ("mine", ["mine"]),
        ("theirs", ["theirs"]),
        ({"v": "theirs"}, ["theirs"]),
        ({"other": "theirs"}, ["mine"]),
        ({"v": merge_lists}, ["theirs", "mine"]),
        (lambda base, mine, theirs: base + mine + theirs, ["base", "mine", "theirs"]),
    ],
)
def test_conflict_is_settled_by_the_policy(conflict, expected, serve, store):
    browser = Browser(serve, store, conflict=conflict)
    browser.send(put(v=["base"]))

    def slow(session):
        session["v"] = ["mine"]
        Browser(serve, store).send(put(v=["theirs"]), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"v": expected}


def test_conflict_that_is_to_raise_is_a_409_that_writes_nothing(serve, store):
    browser = Browser(serve, store, conflict={"v": "raise"})
    browser.send(put(v=0))

    def slow(session):
        session.update(v=1, w=1)
        Browser(serve, store).send(put(v=2), dict(browser.cookies))

    with pytest.raises(SessionConflict) as raised:
        browser.send(slow)
    assert raised.value.code == 409
    assert browser.read() == {"v": 2}


@pytest.mark.parametrize("conflict", ["raise", lambda base, mine, theirs: mine + theirs - base])
def test_equal_changes_are_two_changes(conflict, serve, store):
    browser = Browser(serve, store, conflict={"v": conflict})
    browser.send(put(v=0))

    def slow(session):
        session["v"] = 1
        Browser(serve, store).send(put(v=1), dict(browser.cookies))

    if conflict == "raise":
        with pytest.raises(SessionConflict):
            browser.send(slow)
    else:
        browser.send(slow)
        assert browser.read() == {"v": 2}


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ([1], [1, 2], [1, 3], [1, 3, 2]),
        ([1], None, None, None),
        ([1], [], [], []),
        (None, [1], [1], [1, 1]),
        ([1, 2], [2], [1, 2, 3], [2, 3]),
    ],
)
def test_lists_are_merged(base, mine, theirs, merged):
    assert merge_lists(base, mine, theirs) == merged


def test_values_beside_one_that_is_merged_are_kept(serve, store):
    browser = Browser(serve, store, conflict={"v": lambda base, mine, theirs: mine + theirs})
    browser.send(put(v=1, w=1))

    def slow(session):
        session.update(v=2, w=2, x=3)
        Browser(serve, store).send(put(v=3), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"v": 5, "w": 2, "x": 3}


@pytest.mark.parametrize("conflict", ["raise", merge_lists])
def test_policy_counts_for_an_old_id_too(conflict, serve, store):
    browser = Browser(serve, store, conflict={"v": conflict})
    browser.send(put(v=[1]))
    old = dict(browser.cookies)
    browser.send(lambda session: (session.update(v=[1, 2]), session.regenerate()))
    late = Browser(serve, store, conflict={"v": conflict})
    if conflict == "raise":
        with pytest.raises(SessionConflict):
            late.send(put(v=[1, 3]), old)
    else:
        late.send(put(v=[1, 3]), old)
        assert browser.read() == {"v": [1, 2, 3]}


@pytest.mark.parametrize("rotates", [False, True])
def test_merge_that_always_comes_too_late_is_a_409(rotates, serve, store):
    others = Browser(serve, store)

    def merge(base, mine, theirs):
        others.send(lambda s: s.update(v=s["v"] + 1), dict(browser.cookies))
        return 0

    browser = Browser(serve, store, conflict={"v": merge})
    browser.send(put(v=1))

    def slow(session):
        session["v"] = -1
        if rotates:
            session.regenerate()
        others.send(put(v=5), dict(browser.cookies))

    with pytest.raises(SessionConflict):
        browser.send(slow)


def test_messages_flashed_at_once_are_all_shown_once(browser, serve, store):
    browser.send(put(_flashes=["old"]))

    def slow(session):
        session["_flashes"] = ["mine"]  # the old one has been shown
        Browser(serve, store).send(put(_flashes=["old", "theirs"]), dict(browser.cookies))

    browser.send(slow)
    assert browser.read() == {"_flashes": ["theirs", "mine"]}


# The lock


def test_locked_increments_of_one_key_are_all_kept(browser, serve, store):
    browser.send(put(n=0))
    barrier = Barrier(8)

    def increment(session):
        session.lock(wait=60)
        session["n"] += 1

    def work():
        mine = Browser(serve, store)
        mine.cookies = dict(browser.cookies)
        barrier.wait()
        for _ in range(10):
            mine.send(increment)

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert browser.read() == {"n": 80}


def test_lock_is_waited_for(browser, store, monkeypatch):
    browser.send(put(n=0))
    take, tries = store.lock, []

    def busy_twice(*args, **options):
        tries.append(args)
        return len(tries) > 2 and take(*args, **options)

    monkeypatch.setattr(store, "lock", busy_twice)
    browser.send(lambda session: (session.lock(), session.update(n=1)))
    assert len(tries) == 3
    assert browser.read() == {"n": 1}


def test_lock_is_not_waited_for_forever(browser, serve, store):
    browser.send(put(n=0))

    def hold(session):
        session.lock()
        with pytest.raises(SessionLocked) as raised:
            Browser(serve, store).send(lambda s: s.lock(wait=0), dict(browser.cookies))
        assert dict(raised.value.get_headers({}))["Retry-After"] == "1"

    browser.send(hold)
    browser.send(lambda s: s.lock(wait=0))  # it was given back


@pytest.mark.parametrize("late", [False, True])
def test_lock_is_given_back_when_the_request_fails(late, browser, serve, store):
    browser.send(put(n=0))
    cookies = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())

    def app(environ, start_response):
        environ[SESSION].lock()
        raise LookupError

    def late_app(environ, start_response):
        environ[SESSION].lock()
        raise LookupError
        yield b""

    layer = SessionMiddleware(late_app if late else app, secret_key=KEY, store=store)
    answer = serve(layer, HTTP_COOKIE=cookies)
    assert isinstance(answer.error, LookupError)
    browser.send(lambda s: s.lock(wait=0))


def test_change_under_a_lock_that_had_ended_is_a_conflict(browser, serve, store):
    browser.send(put(n=0))

    def slow(session):
        session.lock(hold=0)
        session["n"] += 1
        Browser(serve, store).send(
            lambda s: (s.lock(wait=0), s.update(n=s["n"] + 1)), dict(browser.cookies)
        )

    with pytest.raises(SessionConflict):
        browser.send(slow)
    assert browser.read() == {"n": 1}


def test_lock_reads_the_session_afresh(browser, serve, store):
    browser.send(put(n=0))
    seen = []

    def use(session):
        seen.append(session["n"])
        Browser(serve, store).send(put(n=5), dict(browser.cookies))
        session.lock()
        session.lock()  # has it already
        seen.append(session["n"])

    browser.send(use)
    assert seen == [0, 5]


def test_lock_after_a_change_is_refused_and_for_a_new_session_nothing(browser):
    with pytest.raises(SessionError, match="before the first change"):
        browser.send(lambda s: (s.update(n=1), s.lock()))
    browser.send(lambda s: s.lock())


def test_lock_of_an_id_that_was_rotated_out_is_a_conflict(browser, serve, store):
    browser.send(put(n=0))
    old = dict(browser.cookies)
    browser.send(lambda s: s.regenerate())
    with pytest.raises(SessionConflict):
        Browser(serve, store).send(lambda s: (s.lock(), s.update(n=s["n"] + 1)), old)


# By user


def test_sessions_of_a_user_are_listed_and_revoked(browser, serve, store):
    browser.send(
        lambda s: s.bind(7), REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="Firefox" + "x" * 1000
    )
    phone = Browser(serve, store)
    phone.send(lambda s: (s.update(a=1), s.bind(7)), REMOTE_ADDR="192.0.2.2")
    Browser(serve, store).send(lambda s: (s.update(a=1), s.bind(8)))
    first, second = sorted(store.iterate("7"), key=lambda record: record.owner.address)
    assert first.owner.address == "192.0.2.1"
    assert first.owner.user_agent.startswith("Firefox")
    assert len(first.owner.user_agent) == 256
    assert not store.revoke("8", second.key)
    assert store.revoke("7", second.key)
    assert phone.read() == {}
    assert [record.key for record in store.iterate("7")] == [first.key]


def test_bound_session_without_values_is_kept(browser, store):
    seen = []
    browser.send(lambda s: s.bind("ada"))
    browser.send(lambda s: seen.append((s.user_id, s.new)))
    assert seen == [("ada", False)]


@pytest.mark.parametrize("user_id", [None, "", b"ada", "x" * 256])
def test_session_can_be_bound_to_nobody(user_id, browser):
    with pytest.raises(SessionValueError, match="int or a str"):
        browser.send(lambda s: s.bind(user_id))


@pytest.mark.parametrize("nobody", [None, ""])
def test_sessions_of_nobody_are_not_revoked(nobody, browser, store):
    browser.send(put(a=1))
    with pytest.raises(ValueError, match="nobody's sessions"):
        store.revoke_all(nobody)
    with pytest.raises(ValueError, match="nobody's sessions"):
        store.revoke(nobody, *keys(store))
    assert len(keys(store)) == 1


def test_all_other_sessions_of_a_user_are_revoked(browser, serve, store):
    others = [Browser(serve, store) for _ in range(3)]
    for each in (browser, *others):
        each.send(lambda s: (s.update(a=1), s.bind("ada")))
    counts = []
    browser.send(lambda s: counts.append(store.revoke_all(s.user_id, keep=s.key)))
    assert counts == [3]
    assert browser.read() == {"a": 1}
    assert [each.read() for each in others] == [{}] * 3


def test_number_of_a_users_sessions_is_capped(serve, store, monkeypatch):
    now = time.time()
    browsers = []
    for step in range(4):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        browsers.append(Browser(serve, store, max_per_user=2))
        browsers[-1].send(lambda s: (s.update(a=1), s.bind("ada")))
    assert [each.read() for each in browsers] == [{}, {}, {"a": 1}, {"a": 1}]
    browsers[3].send(lambda s: s.bind("ada"))
    assert len(keys(store)) == 2


def test_user_stays_with_a_regenerated_session(browser, store):
    browser.send(lambda s: (s.update(a=1), s.bind("ada")))
    browser.send(lambda s: s.regenerate())
    assert [record.key for record in store.iterate("ada")] == keys(store)


def test_login_starts_the_absolute_lifetime_anew(serve, store, monkeypatch):
    browser = Browser(serve, store, absolute_lifetime=100)
    now = time.time()
    browser.send(put(a=1))
    monkeypatch.setattr(time, "time", lambda: now + 90)
    browser.send(lambda s: (s.bind("ada"), s.regenerate()))
    monkeypatch.setattr(time, "time", lambda: now + 150)
    assert browser.read() == {"a": 1}


# Outages


class Failing(MemoryStore):
    """A store whose server can be switched off."""

    def __init__(self):
        super().__init__()
        self.down = False
        self.calls = 0

    def __getattribute__(self, name):
        method = super().__getattribute__(name)
        if name not in ("load", "create", "commit", "rotate", "touch", "delete", "lock", "unlock"):
            return method

        def call(*args, **kwargs):
            self.calls += 1
            if self.down:
                raise SessionUnavailable from ConnectionError("down")
            return method(*args, **kwargs)

        return call


@pytest.fixture
def failing():
    return Failing()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock


def test_store_that_does_not_answer_is_a_503_with_retry_after(serve, failing, caplog):
    browser = Browser(serve, failing)
    browser.send(put(user="ada"))
    failing.down = True
    with pytest.raises(SessionUnavailable) as raised:
        browser.read()
    assert raised.value.code == 503
    assert dict(raised.value.get_headers({}))["Retry-After"] == "2"
    assert "ConnectionError" in caplog.text


def test_request_that_does_not_touch_the_session_is_served(serve, failing):
    browser = Browser(serve, failing)
    failing.down = True
    browser.send(lambda session: None)
    assert browser.answer.status == "200 OK"


def test_circuit_spares_the_store_and_closes_again_by_itself(serve, failing, clock):
    browser = Browser(serve, failing)
    browser.send(put(user="ada"))
    failing.down = True
    calls = failing.calls
    for _ in range(10):
        with pytest.raises(SessionUnavailable):
            browser.read()
    assert failing.calls == calls + 1
    clock.now += 2
    with pytest.raises(SessionUnavailable):  # one try
        browser.read()
    failing.down = False
    with pytest.raises(SessionUnavailable):
        browser.read()
    assert failing.calls == calls + 2
    clock.now += 2
    assert browser.read() == {"user": "ada"}
    assert browser.read() == {"user": "ada"}


def test_failure_that_a_framework_answers_with_500_is_a_503_all_the_same(serve, failing):
    browser = Browser(serve, failing)
    browser.send(put(user="ada"))
    failing.down = True

    def use(session):
        try:
            session["user"]
        except SessionUnavailable:
            return "500 Framework"

    with pytest.raises(SessionUnavailable):
        browser.send(use)


def test_empty_policy_gives_readers_an_empty_session_and_writers_503(serve, failing):
    browser = Browser(serve, failing, outage="empty")
    browser.send(put(user="ada"))
    failing.down = True
    assert browser.read() == {}
    with pytest.raises(SessionUnavailable):
        browser.send(put(a=1))
    with pytest.raises(SessionUnavailable):
        browser.send(lambda session: session.destroy())
    failing.down = False
    assert browser.cookies


@pytest.mark.parametrize("policy", ["unavailable", "empty"])
def test_change_that_cannot_be_kept_is_a_503(policy, serve, failing):
    browser = Browser(serve, failing, outage=policy)
    browser.send(put(user="ada"))

    def use(session):
        session["user"] = "eve"
        failing.down = True

    with pytest.raises(SessionUnavailable):
        browser.send(use)


def test_failing_touch_spoils_no_page(serve, failing, monkeypatch):
    browser = Browser(serve, failing, refresh_interval=0)
    browser.send(put(user="ada"))

    def use(session):
        assert session["user"] == "ada"
        failing.down = True

    browser.send(use)
    assert browser.answer.status == "200 OK"


def test_touch_that_waits_for_writers_in_vain_spoils_no_page(serve, store, monkeypatch):
    browser = Browser(serve, store, refresh_interval=0)
    browser.send(put(user="ada"))
    monkeypatch.setattr(store, "touch", refuse)
    browser.send(lambda session: session["user"])
    assert browser.answer.status == "200 OK"


def test_lock_that_is_not_given_back_in_time_spoils_no_page(serve, store, monkeypatch):
    browser = Browser(serve, store)
    browser.send(put(user="ada"))
    monkeypatch.setattr(store, "unlock", refuse)
    browser.send(lambda session: session.lock())
    assert browser.answer.status == "200 OK"


def test_session_that_is_busy_keeps_no_other_from_the_store(serve, store, monkeypatch):
    browser = Browser(serve, store)
    browser.send(put(user="ada"))
    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", refuse)
        with pytest.raises(SessionLocked):
            browser.send(put(user="eve"))
    assert browser.read() == {"user": "ada"}


def refuse(*args, **kwargs):
    raise SessionLocked


def test_cookie_policy_keeps_changes_and_brings_them_to_the_store(serve, failing, clock):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(user="ada", old=1, gone=1))
    failing.down = True
    assert browser.read() == {}
    browser.send(put(theme="dark", gone=2))
    browser.send(lambda s: (s.update(n=1), s.pop("gone")))
    assert browser.read() == {"theme": "dark", "n": 1}
    failing.down = False
    clock.now += 2
    merged = {"user": "ada", "old": 1, "theme": "dark", "n": 1}
    assert browser.read() == merged
    assert list(browser.cookies) == ["wsgikit_session"]
    assert browser.read() == merged


def test_parallel_request_does_not_bring_what_has_been_brought(serve, failing, clock):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(n=0))
    failing.down = True
    browser.send(put(n=1))
    failing.down = False
    clock.now += 2
    parallel = dict(browser.cookies)
    browser.send(put(n=2))
    assert browser.read(parallel) == {"n": 2}
    browser.read()
    failing.down = True
    browser.send(put(m=1))
    failing.down = False
    clock.now += 2
    assert browser.read() == {"n": 2, "m": 1}


def test_two_browsers_of_one_session_both_bring_what_they_have(serve, failing, clock, monkeypatch):
    first = Browser(serve, failing, outage="cookie")
    first.send(put(user="ada"))
    second = Browser(serve, failing, outage="cookie")
    second.cookies = dict(first.cookies)
    failing.down = True
    second.send(put(b=2))
    first.send(put(a=1))
    failing.down = False
    clock.now += 2
    first.read()
    assert second.read() == {"user": "ada", "a": 1, "b": 2}
    (record,) = failing.iterate()
    assert len(record.values) == 5
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    failing.down = True
    first.send(put(c=3))
    failing.down = False
    clock.now += 2
    assert first.read() == {"user": "ada", "a": 1, "b": 2, "c": 3}
    (record,) = failing.iterate()
    assert len(record.values) == 5  # the marks of the first outage are gone


def test_cookie_policy_for_a_visitor_who_comes_in_the_outage(serve, failing, clock):
    browser = Browser(serve, failing, outage="cookie")
    browser.read()  # so the layer knows that the store answers
    failing.down = True
    browser.send(put(user="ada"))
    assert list(browser.cookies) == ["wsgikit_session_pending"]
    failing.down = False
    clock.now += 2
    assert browser.read() == {"user": "ada"}
    assert list(browser.cookies) == ["wsgikit_session"]


def test_what_waits_for_a_session_that_has_ended_is_dropped(serve, failing, clock):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(user="ada"))
    failing.down = True
    browser.send(put(admin=True))
    failing.down = False
    clock.now += 2
    for record in list(failing.iterate()):
        failing.delete(record.key)
    assert browser.read() == {}
    assert "wsgikit_session_pending" not in browser.cookies


def test_what_waits_for_one_session_does_not_come_into_another(serve, failing, clock):
    browser, other = (Browser(serve, failing, outage="cookie") for _ in range(2))
    browser.send(put(user="ada"))
    other.send(put(user="bob"))
    failing.down = True
    browser.send(put(admin=True))
    failing.down = False
    clock.now += 2
    mixed = {**browser.cookies, **other.cookies}
    assert other.read(mixed) == {"user": "bob"}


def test_changes_wait_no_longer_than_an_hour(serve, failing, clock, monkeypatch):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(user="ada"))
    failing.down = True
    browser.send(put(theme="dark"))
    failing.down = False
    clock.now += 2
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    assert browser.read() == {"user": "ada"}


@pytest.mark.parametrize(
    "use",
    [
        lambda s: (s.update(a=1), s.regenerate()),
        lambda s: s.bind("ada"),
        lambda s: s.destroy(),
        lambda s: s.lock(),
    ],
)
def test_what_only_the_store_can_do_is_a_503_in_an_outage(use, serve, failing):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(user="ada"))
    failing.down = True
    with pytest.raises(SessionUnavailable):
        browser.send(use)


def test_commit_that_fails_waits_in_the_cookie_too(serve, failing, clock):
    browser = Browser(serve, failing, outage="cookie")
    browser.send(put(user="ada", a=1))

    def use(session):
        session["a"] = 2
        failing.down = True

    browser.send(use)
    failing.down = False
    clock.now += 2
    assert browser.read() == {"user": "ada", "a": 2}


# Spilling


def test_small_session_stays_in_its_cookie_and_a_large_one_moves(browser, serve, store):
    browser = Browser(serve, store, oversize="spill")
    browser.send(put(user="ada"))
    assert keys(store) == []
    import secrets

    big = secrets.token_hex(4000)
    browser.send(put(big=big))
    assert values(store) == [{"user": '"ada"', "big": f'"{big}"'}]
    assert list(browser.cookies) == ["wsgikit_session"]
    browser.send(lambda session: session.__delitem__("big"))
    assert browser.read() == {"user": "ada"}
    assert len(keys(store)) == 1


def test_bound_session_moves_to_the_store(serve, store):
    browser = Browser(serve, store, oversize="spill")
    browser.send(put(user="ada"))
    browser.send(lambda s: s.bind("ada"))
    assert len(list(store.iterate("ada"))) == 1
    assert browser.read() == {"user": "ada"}


# Chunks


def noise(size):
    import secrets

    return secrets.token_urlsafe(size * 3 // 4)


def test_large_session_is_split_and_stale_pieces_are_removed(serve):
    browser = Browser(serve, None, oversize="chunk", max_chunks=12)
    for size, least in ((100, 1), (38_000, 11), (4_000, 2), (20_000, 5), (100, 1)):
        browser.send(put(text=(text := noise(size))))
        others = [f"wsgikit_session.{n}" for n in range(1, len(browser.cookies))]
        assert set(browser.cookies) == {"wsgikit_session", *others}
        assert least <= len(browser.cookies) <= least + 2
        assert max(map(len, browser.set_cookies)) <= 4093
        assert browser.read() == {"text": text}
    browser.send(put(text=noise(20_000)))
    browser.send(lambda session: session.clear())
    assert browser.cookies == {}


def test_session_of_too_many_pieces_raises(serve):
    browser = Browser(serve, None, oversize="chunk")
    browser.send(put(text=noise(5_000)))
    with pytest.raises(SessionTooLarge, match="more than 2 cookies"):
        browser.send(put(text=noise(10_000)))


def test_missing_or_foreign_piece_is_no_session_and_no_error(serve):
    browser = Browser(serve, None, oversize="chunk")
    browser.send(put(text=noise(5_000)))
    first = dict(browser.cookies)
    browser.send(put(text=noise(5_000)))
    assert browser.read({"wsgikit_session": first["wsgikit_session"]}) == {}
    assert browser.read({**first, "wsgikit_session.1": browser.cookies["wsgikit_session.1"]}) == {}


# Options


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"oversize": "spill"}, "store="),
        ({"oversize": "chunk", "store": MemoryStore()}, "spill"),
        ({"max_chunks": 1}, "2 to 99"),
        ({"max_chunks": 100}, "2 to 99"),
        ({"max_per_user": 3}, "store="),
        ({"store": MemoryStore(), "max_per_user": 0}, "max_per_user"),
        ({"store": MemoryStore(), "outage": "panic"}, "'unavailable'"),
        ({"store": MemoryStore(), "conflict": "ours"}, "'theirs'"),
        ({"store": MemoryStore(), "conflict": {"a": "ours"}}, "'theirs'"),
        ({"store": MemoryStore(), "grace": -1}, "grace"),
        ({"store": 5}, "store is int"),
        ({"absolute_lifetime": 0}, "absolute_lifetime"),
        ({"cookie_name": "__Host-s", "path": "/app"}, "__Host-"),
        ({"cookie_name": "__Host-s", "domain": "example.org"}, "__Host-"),
        ({"cookie_name": "__Secure-s", "secure": False}, "prefix"),
    ],
)
def test_wrong_option_fails_when_the_pipeline_is_built(options, hint):
    with pytest.raises(ConfigurationError, match=hint):
        SessionMiddleware(lambda environ, start_response: [], secret_key=KEY, **options)


def test_host_prefix_forces_secure(serve, store):
    browser = Browser(serve, store, cookie_name="__Host-session")
    (cookie,) = browser.send(put(a=1))
    attributes = cookie.split("; ")
    assert {"Secure", "Path=/"} <= set(attributes)
    assert not any(each.startswith("Domain") for each in attributes)


@pytest.mark.parametrize("use", [lambda s: s.bind("ada"), lambda s: s.lock()])
def test_cookie_session_can_be_neither_bound_nor_locked(use, serve):
    browser = Browser(serve, None)
    with pytest.raises(SessionError, match="store="):
        browser.send(use)


def test_cookie_session_can_be_regenerated_and_destroyed(serve):
    browser = Browser(serve, None)
    browser.send(put(user="ada"))
    (cookie,) = browser.send(lambda s: s.regenerate())
    assert browser.read() == {"user": "ada"}
    (cookie,) = browser.send(lambda s: s.destroy() or "500 Oops")
    assert "Max-Age=0" in cookie
    browser.send(put(user="ada"))
    browser.send(lambda s: (s.destroy(), s.update(next="/")))
    assert browser.read() == {"next": "/"}
