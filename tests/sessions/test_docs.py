"""What docs/sessions.md shows and says is so."""

import inspect
import re
from fractions import Fraction
from pathlib import Path

import flask
import pytest
from webtest import TestApp

from wsgikit.app import App
from wsgikit.middleware import SessionMiddleware, standard
from wsgikit.middleware.standard import _SESSION_KEYS
from wsgikit.sessions import Session, tagged_json

PAGE = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def run(marker, namespace=None):
    (example,) = [code for code in EXAMPLES if marker in code]
    namespace = {"__name__": "docs"} if namespace is None else namespace
    exec(compile(example, "sessions.md", "exec"), namespace)
    return namespace


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Of this test alone: an example registers a type."""
    for name in ("_tags", "_load"):
        monkeypatch.setattr(tagged_json, name, dict(getattr(tagged_json, name)))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The example of logins; its database is a file in the current folder."""
    monkeypatch.chdir(tmp_path)
    namespace = run("/login/")
    yield namespace
    namespace["store"].close()


def test_every_example_is_covered_here():
    assert len(EXAMPLES) == 5


def test_examples_have_at_most_twenty_lines():
    for example in EXAMPLES:
        assert sum(bool(line.strip()) for line in example.splitlines()) <= 20


def test_login_and_logout(shop):
    client = TestApp(shop["application"])
    client.post("/login/ada")
    assert [record.owner.user_id for record in shop["store"].iterate()] == ["ada"]
    client.post("/logout")
    assert [*shop["store"].iterate()] == []
    assert client.cookies == {}


def test_sessions_of_a_user(shop):
    run("/devices", shop)
    laptop, phone, other = (TestApp(shop["application"]) for _ in range(3))
    for client, user in ((laptop, "ada"), (phone, "ada"), (other, "bob")):
        client.post(f"/login/{user}", headers={"User-Agent": f"of {user}"})
    devices = laptop.get("/devices").json
    assert [device["agent"] for device in devices] == ["of ada"] * 2
    TestApp(shop["application"]).get("/devices", status=401)
    (mine,) = (device["key"] for device in devices if device["this"])
    (phones,) = (device["key"] for device in devices if not device["this"])
    assert other.post(f"/devices/{mine}/end").json == {"ended": False}
    assert laptop.post(f"/devices/{phones}/end").json == {"ended": True}
    phone.post("/login/ada")
    assert laptop.post("/password").json == {"ended": 1}
    assert [record.key for record in shop["store"].iterate("ada")] == [mine]


def test_changes_at_the_same_time():
    namespace = run("merge_lists")
    app, session = namespace["app"], namespace["session"]
    client, parallel = (TestApp(namespace["application"]) for _ in range(2))

    @app.post("/slow")
    def slow():
        session["cart"] = [*session["cart"], "slow"]
        parallel.post("/cart/fast")
        return "ok"

    client.post("/cart/tea")
    parallel.cookiejar = client.cookiejar
    client.post("/slow")
    assert client.post("/cart/last").json == ["tea", "fast", "slow", "last"]
    assert [client.post("/count").json["count"] for _ in range(2)] == [1, 2]


def test_moving_in_from_flask():
    flask_app = flask.Flask("former")
    flask_app.secret_key = "the Flask app's SECRET_KEY"
    sealed = flask_app.session_interface.get_signing_serializer(flask_app).dumps({"user": "ada"})
    client = TestApp(run("FlaskCookie")["application"])
    client.set_cookie("session", sealed)
    first, second = client.get("/"), client.get("/")
    assert (first.text, second.text) == ("hello ada", "hello ada")
    former, ours = first.headers.getall("Set-Cookie")
    assert "session=; Expires=Thu, 01 Jan 1970" in former
    assert "wsgikit_session=" in ours


def test_moving_in_from_our_own_cookie():
    former = App("former", config={"SECRET_KEY": "a long random text"})
    namespace = run("FlaskCookie")

    @former.post("/login")
    def login():
        namespace["session"]["user"] = "ada"
        return "ok"

    visitor = TestApp(standard(former))
    visitor.post("/login")
    client = TestApp(namespace["application"], cookiejar=visitor.cookiejar)
    assert client.get("/").text == "hello ada"
    assert len(client.cookies["wsgikit_session"]) < 200  # an id


def test_registered_type():
    run("Fraction")
    assert tagged_json.loads(tagged_json.dumps(Fraction(1, 3))) == Fraction(1, 3)


def table(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"][2:]


def names(cell):
    return re.findall(r"`([\w.]+)", cell)


def test_table_has_each_option_with_its_config_key():
    parameters = inspect.signature(SessionMiddleware).parameters
    listed = {}
    for options, keys, _ in table("All options"):
        listed.update(zip(names(options), names(keys), strict=True))
    assert listed == _SESSION_KEYS
    assert listed.keys() == parameters.keys() - {"app"}


def test_table_of_the_session_names_what_it_has():
    listed = [name for row in table("Logging in and out") for name in names(row[0])]
    assert len(listed) >= 10
    for name in listed:
        assert hasattr(Session, name), name
