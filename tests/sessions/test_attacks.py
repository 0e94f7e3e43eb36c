"""What attackers try on sessions, one test each: all of it is refused, in every place to keep them.

The visitors are WebTest clients of a whole chain, the stores MemoryStore and SQLite.
"""

import json

import pytest

from wsgikit import App, request, session
from wsgikit.middleware import standard
from wsgikit.sessions import MemoryStore, SQLStore
from wsgikit.testing import TestApp

KEY = "a key for tests"
NAME = "wsgikit_session"


def make_app(**options):
    app = App("bank", config={"SECRET_KEY": KEY, "TESTING": True})
    app.during = lambda: None

    @app.get("/")
    def index():
        app.during()
        return dict(session)

    @app.get("/cart")
    def cart():
        session["cart"] = [1]
        app.during()
        return "ok"

    @app.get("/login")
    def login():
        session["user"] = request.args["user"]
        session.regenerate()
        return "ok"

    @app.get("/logout")
    def logout():
        session.destroy()
        return "ok"

    return app, standard(app, **options)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SQLStore(f"sqlite:///{tmp_path / 'sessions.sqlite3'}")
    yield store
    store.close()


@pytest.fixture
def bank(store):
    """The app, its chain, and what makes one more browser."""
    app, chain = make_app(store=store)
    app.store = store
    app.browser = lambda: TestApp(chain, current_app=app)
    return app


def cookie_of(client):
    return client.cookies.get(NAME)


def seen_with(app, cookie):
    client = app.browser()
    client.set_cookie(NAME, cookie)
    return client.get("/").json


def test_fixation_by_an_id_of_the_attackers_choice(bank):
    victim = bank.browser()
    victim.set_cookie(NAME, "attackerchosen")
    victim.get("/login?user=ada")
    assert victim.get("/").json == {"user": "ada"}
    assert cookie_of(victim) != "attackerchosen"
    assert seen_with(bank, "attackerchosen") == {}


def test_fixation_by_a_session_of_the_attackers_own(bank):
    attacker = bank.browser()
    attacker.get("/cart")
    planted = cookie_of(attacker)
    victim = bank.browser()
    victim.set_cookie(NAME, planted)
    victim.get("/login?user=ada")
    assert victim.get("/").json == {"cart": [1], "user": "ada"}
    assert attacker.get("/").json == {"cart": [1]}  # within the grace: what it had planted
    assert cookie_of(victim) != planted


def test_attacker_who_logs_in_with_the_planted_id_does_not_swap_the_victims_login(bank):
    attacker = bank.browser()
    attacker.get("/cart")
    victim = bank.browser()
    victim.set_cookie(NAME, cookie_of(attacker))
    victim.get("/login?user=ada")
    attacker.get("/login?user=eve")
    assert victim.get("/").json["user"] == "ada"


def test_replay_of_a_destroyed_cookie(bank):
    victim = bank.browser()
    victim.get("/login?user=ada")
    stolen = cookie_of(victim)
    assert seen_with(bank, stolen) == {"user": "ada"}
    victim.get("/logout")
    assert seen_with(bank, stolen) == {}


def test_replay_of_a_rotated_out_cookie(bank, store):
    app, chain = make_app(store=store, grace=0)
    victim = TestApp(chain, current_app=app)
    victim.get("/login?user=ada")
    stolen = cookie_of(victim)
    victim.get("/login?user=ada")
    assert victim.get("/").json == {"user": "ada"}
    app.browser = lambda: TestApp(chain, current_app=app)
    assert seen_with(app, stolen) == {}


def test_replay_of_a_cookie_of_a_retired_key(bank, store):
    victim = bank.browser()
    victim.get("/login?user=ada")
    stolen = cookie_of(victim)
    app, chain = make_app(store=store, secret_key="new", secret_key_fallbacks=["other"])
    app.browser = lambda: TestApp(chain, current_app=app)
    assert seen_with(app, stolen) == {}


@pytest.mark.parametrize("kept_in", ["cookie", "store"])
def test_cookie_tossing(kept_in, store):
    app, chain = make_app(store=store if kept_in == "store" else None)
    victim = TestApp(chain, current_app=app)
    victim.get("/login?user=ada")
    for tossed in ("forged", "x.y.z", '"', ""):
        header = f"{NAME}={tossed}; {NAME}={cookie_of(victim)}"
        client = TestApp(chain, current_app=app)
        assert client.get("/", headers={"Cookie": header}).json == {"user": "ada"}


def test_cookie_tossing_is_impossible_with_the_host_prefix(store):
    app, chain = make_app(store=store, cookie_name="__Host-session")
    client = TestApp(chain, current_app=app)
    (cookie,) = client.get("/login?user=ada").headers.getall("Set-Cookie")
    # RFC 6265bis, 4.1.3.2: a browser takes the name from no one but this host, by https.
    assert {"Secure", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("kept_in", ["cookie", "store"])
def test_cookie_sealed_for_another_name(kept_in, encrypted, store):
    options = {"store": store if kept_in == "store" else None, "encrypted": encrypted}
    app, chain = make_app(cookie_name="other", **options)
    client = TestApp(chain, current_app=app)
    client.get("/login?user=ada")
    value = client.cookies["other"]
    app, chain = make_app(**options)
    app.browser = lambda: TestApp(chain, current_app=app)
    assert seen_with(app, value) == {}


def test_dump_of_the_store_used_as_cookies(bank, store):
    bank.browser().get("/login?user=ada")
    (record,) = store.iterate()
    texts = [record.key, json.dumps(record.key), *map(str, record)]
    (layer,) = [each for each in bank.chain if hasattr(each, "keeper")]
    sealed = [layer.keeper._cookie._codec.seal(json.dumps(record.key))]  # with the key as well
    for text in [*texts, *sealed]:
        assert seen_with(bank, text) == {}


def test_resurrection_after_logout_in_a_parallel_request(bank, store):
    client = bank.browser()
    client.get("/login?user=ada")
    parallel = bank.browser()
    parallel.set_cookie(NAME, cookie_of(client))

    def log_out():
        bank.during = lambda: None
        client.get("/logout")

    bank.during = log_out
    parallel.get("/cart")
    assert list(store.iterate()) == []
    assert parallel.get("/").json == {}


def test_resurrection_by_a_login_of_the_former_session(bank, store):
    client = bank.browser()
    client.get("/login?user=ada")
    stolen = cookie_of(client)
    client.get("/logout")
    attacker = bank.browser()
    attacker.set_cookie(NAME, stolen)
    attacker.get("/cart")
    assert attacker.get("/").json == {"cart": [1]}
    assert cookie_of(attacker) != stolen


@pytest.mark.parametrize("kept_in", ["cookie", "store"])
def test_downgrade_from_encrypted_to_plain(kept_in, store):
    options = {"store": store} if kept_in == "store" else {}
    app, plain = make_app(**options)
    client = TestApp(plain, current_app=app)
    client.get("/login?user=ada")
    signed = cookie_of(client)
    app, chain = make_app(encrypted=True, **options)
    app.browser = lambda: TestApp(chain, current_app=app)
    assert seen_with(app, signed) == {}
    client = app.browser()
    client.get("/login?user=ada")
    assert client.get("/").json == {"user": "ada"}
    assert b"ada" not in cookie_of(client).encode()


def test_cookie_session_where_sessions_are_in_a_store(bank):
    app, chain = make_app()
    client = TestApp(chain, current_app=app)
    client.get("/login?user=ada")
    assert seen_with(bank, cookie_of(client)) == {}


def test_id_of_a_store_where_sessions_are_in_cookies(bank):
    client = bank.browser()
    client.get("/login?user=ada")
    app, chain = make_app()
    app.browser = lambda: TestApp(chain, current_app=app)
    assert seen_with(app, cookie_of(client)) == {}


def test_cookie_that_waits_for_the_store_is_no_session(bank, store):
    app, chain = make_app(store=store, outage="cookie")
    client = TestApp(chain, current_app=app)
    client.get("/login?user=ada")
    client.set_cookie(f"{NAME}_pending", cookie_of(client))
    assert client.get("/").json == {"user": "ada"}
