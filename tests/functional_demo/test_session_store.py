"""The demo with its sessions in a store that the environment names."""

from contextlib import closing

from webtest import TestApp

from wsgikit.session_layer import session_layer, visible_layers


def test_sessions_are_kept_in_the_store_of_the_environment(load, monkeypatch, tmp_path):
    monkeypatch.setenv("WSGIKIT_SESSION_STORE", f"sqlite:///{tmp_path}/sessions.sqlite3")
    application = load().application
    demo = TestApp(application, lint=True)
    with closing(session_layer(visible_layers(application)).store) as store:
        demo.post("/", {"name": "Ada", "message": "Hello"}).follow()
        assert demo.get("/").html.select_one("[name=name]")["value"] == "Ada"
        (record,) = store.iterate()
        assert record.values["name"] == '"Ada"'


def test_sessions_are_kept_in_the_cookie_unless_a_store_is_named(load, monkeypatch):
    monkeypatch.delenv("WSGIKIT_SESSION_STORE", raising=False)
    wsgi = load()
    assert wsgi.app.config["SESSION_STORE"] is None
    demo = TestApp(wsgi.application, lint=True)
    demo.get("/")
    assert len(demo.cookies) == 1
