"""Where a command finds the sessions, and what it says when it does not."""

import sqlite3
import sys
from contextlib import closing

import pytest
from real_servers import free_port
from webtest import TestApp

from wsgikit.session_layer import session_layer, visible_layers
from wsgikit.sessions import key_of, make_store

KEY = key_of("an id")
SITE = """
from wsgikit import App, session
from wsgikit.middleware import SessionMiddleware, standard
from wsgikit.sessions import MemoryStore

app = App("shop", config={{"SECRET_KEY": "a key", "SESSION_STORE": {url!r}}})


@app.get("/login")
def login():
    session.bind("ada")
    session["theme"] = "dark"
    return "ok"


@app.get("/")
def index():
    return dict(session)


not_served = App("other", config={{"SESSION_STORE": {url!r}}})
application = standard(app)
by_option = App("third", config={{"SECRET_KEY": "a key"}})
standard(by_option, store={url!r})
bare = SessionMiddleware(lambda environ, start_response: [], secret_key="a key", store={url!r})
in_cookies = standard(App("small", config={{"SECRET_KEY": "a key"}}))
plain = len
in_memory = standard(App("tests", config={{"SECRET_KEY": "a key"}}), store=MemoryStore())
"""


@pytest.fixture
def site(sqlite_url, tmp_path, monkeypatch):
    """A module ``shop_site`` in the folder that the command is started in."""
    (tmp_path / "shop_site.py").write_text(SITE.format(url=sqlite_url))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.delitem(sys.modules, "shop_site", raising=False)
    yield
    sys.modules.pop("shop_site", None)


def keep_one(url):
    store = make_store(url)
    store.create(KEY, {}, ttl=60)
    store.close()


def test_environment_names_the_store(run, sqlite_url, monkeypatch):
    keep_one(sqlite_url)
    monkeypatch.setenv("WSGIKIT_SESSION_STORE", sqlite_url)
    assert KEY in run("sessions", "list", "--json").stdout


def test_option_goes_before_the_environment(run, sqlite_url, site, monkeypatch):
    keep_one(sqlite_url)
    monkeypatch.setenv("WSGIKIT_SESSION_STORE", f"redis://127.0.0.1:{free_port()}/0")
    for option in (["--store", sqlite_url], ["--app", "shop_site:app"]):
        assert KEY in run("sessions", "list", "--json", *option).stdout


@pytest.mark.parametrize("name", ["app", "application", "by_option", "not_served", "bare"])
def test_app_or_a_chain_names_the_store(name, run, sqlite_url, site):
    keep_one(sqlite_url)
    result = run("sessions", "list", "--json", "--app", f"shop_site:{name}")
    assert KEY in result.stdout, result.output


def test_visitor_is_logged_out(run, site):
    path = "shop_site:application"
    assert run("sessions", "list", "--app", path).stdout == ""  # imports it from this folder
    client = TestApp(sys.modules["shop_site"].application)
    client.get("/login", extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    assert client.get("/").json == {"theme": "dark"}
    listed = run("sessions", "list", "--app", path).stdout.splitlines()[1].split()
    assert (listed[1], listed[4]) == ("ada", "192.0.2.1")
    assert 'theme = "dark"' in run("sessions", "show", listed[0], "--app", path).stdout
    assert run("sessions", "revoke", listed[0], "--app", path).stdout == "1 session ended.\n"
    assert client.get("/").json == {}
    session_layer(visible_layers(client.app)).store.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "Give --store or --app, or set WSGIKIT_SESSION_STORE"),
        (["--store", "memory:"], "in the memory of the process"),
        (["--store", "nonsense"], "Write memory:, sqlite:///"),
        (["--store", "foo://user:password@host"], "Write sqlite:///"),
        (["--store", "sqlite://"], "Name a file"),
        (["--store", "redis:host"], "Write redis://"),
        (["--store", "redis://host", "--app", "shop_site:app"], "not both"),
        (["--app", "shop_site:in_cookies"], "app.config['SESSION_STORE']"),
        (["--app", "shop_site:plain"], "app.config['SESSION_STORE']"),
        (["--app", "shop_site:in_memory"], "in the memory of the process"),
        (["--app", "shop_site:missing"], "shop_site has no missing."),
        (["--app", "missing:app"], "There is no module 'missing'"),
    ],
)
def test_store_that_cannot_be_is_wrong_usage(options, told, run, site):
    result = run("sessions", "list", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert "password" not in result.stderr.replace("user:password@host/database", "")


@pytest.mark.parametrize(
    ("variable", "told"), [("", "Where are the sessions?"), ("nonsense", "Write memory:, sqlite:")]
)
def test_variable_that_names_no_store(variable, told, run, monkeypatch):
    monkeypatch.setenv("WSGIKIT_SESSION_STORE", variable)
    result = run("sessions", "purge")
    assert result.exit_code == 2
    assert told in result.stderr


COMMANDS = [["list"], ["show", KEY], ["revoke", "--user", "1"], ["revoke", KEY], ["purge"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_file_that_cannot_be_opened_is_one_line(command, run, tmp_path):
    does_not_answer(run("sessions", *command, "--store", f"sqlite:///{tmp_path}"))


@pytest.mark.parametrize("command", COMMANDS)
def test_file_that_is_no_database_is_one_line(command, run, tmp_path):
    (tmp_path / "a.sqlite3").write_bytes(b"no database at all" * 100)
    does_not_answer(run("sessions", *command, "--store", f"sqlite:///{tmp_path}/a.sqlite3"))


@pytest.mark.parametrize("command", COMMANDS)
def test_database_that_has_lost_its_end_is_one_line(command, run, sqlite_url, tmp_path):
    store = make_store(sqlite_url)
    for number in range(100):
        store.create(key_of(str(number)), {"a": '"a long text"'}, ttl=60)
    store.close()
    file = tmp_path / "sessions.sqlite3"
    file.write_bytes(file.read_bytes()[:8192])
    does_not_answer(run("sessions", *command, "--store", sqlite_url))


@pytest.mark.parametrize("command", COMMANDS)
def test_tables_of_another_make_are_one_line(command, run, sqlite_url, tmp_path):
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite3")) as database:
        database.execute("CREATE TABLE wsgikit_sessions (a)")
    is_told(run("sessions", *command, "--store", sqlite_url), "refuses this: ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["url", "relative", "variable", "config", "layer", "folder"])
def test_file_that_is_missing_is_named_and_not_made(
    command, option, run, site, sqlite_url, tmp_path, monkeypatch
):
    file = tmp_path / ("missing" if option == "folder" else "") / "sessions.sqlite3"
    options = {
        "url": ["--store", sqlite_url],
        "relative": ["--store", "sqlite:///sessions.sqlite3"],
        "variable": [],
        "config": ["--app", "shop_site:not_served"],
        "layer": ["--app", "shop_site:application"],
        "folder": ["--store", f"sqlite:///{file}"],
    }[option]
    if not options:
        monkeypatch.setenv("WSGIKIT_SESSION_STORE", sqlite_url)
    result = run("sessions", *command, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: There is no file {file}, so there are no sessions in it.\n"
    assert not file.exists()


def test_name_of_a_missing_file_cannot_steer_the_terminal(run):
    result = run("sessions", "list", "--store", "sqlite:////missing/\x1b[2J")
    assert r"/missing/\x1b[2J," in result.stderr


def test_uri_of_sqlite_is_its_own_matter(run, sqlite_url):
    keep_one(sqlite_url)
    uri = sqlite_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    assert KEY in run("sessions", "list", "--json", "--store", uri).stdout


@pytest.mark.parametrize("command", COMMANDS[:-1])  # there is nothing to ask Redis for in a purge
def test_server_that_does_not_answer_is_one_line(command, run):
    does_not_answer(run("sessions", *command, "--store", f"redis://127.0.0.1:{free_port()}/0"))


def does_not_answer(result):
    is_told(result, "does not answer: ")


def is_told(result, what):
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: The session store {what}")
    assert result.stderr.count("\n") == 1
    assert r"\n" not in result.stderr


def test_missing_library_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    for name in ("wsgikit.sessions.redis_store", "wsgikit.sessions.redis_client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in [name for name in sys.modules if name.startswith("redis.")]:
        monkeypatch.delitem(sys.modules, name)
    result = run("sessions", "list", "--store", "redis://127.0.0.1/0")
    assert result.exit_code == 1
    assert "pip install 'wsgikit[redis]'" in result.stderr
