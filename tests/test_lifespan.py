"""on_startup and on_shutdown without a server: once a process, in an application context."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from webtest import TestApp

from wsgikit import App, current_app, g, lifespan
from wsgikit.booting import Workers
from wsgikit.gunicorn import post_worker_init, worker_exit
from wsgikit.middleware import standard


@pytest.fixture
def app():
    return App("lifespan", config={"SECRET_KEY": "k", "TESTING": True})


@pytest.fixture
def log(app):
    entries = []
    for number in (1, 2):
        app.on_startup(lambda number=number: entries.append(f"start {number}"))
        app.on_shutdown(lambda number=number: entries.append(f"end {number}"))
    return entries


def test_startup_runs_in_order_and_shutdown_in_reverse_each_once(app, log):
    app.startup()
    app.startup()
    assert log == ["start 1", "start 2"]
    app.shutdown()
    app.shutdown()
    assert log == ["start 1", "start 2", "end 2", "end 1"]


def test_first_request_starts_an_app_that_no_server_has_started(app, log):
    app.add_url_rule("/", "view", lambda: ",".join(log))
    client = TestApp(standard(app))
    assert client.get("/").text == "start 1,start 2"
    assert client.get("/").text == "start 1,start 2"


def test_request_after_the_shutdown_starts_nothing_again(app, log):
    app.add_url_rule("/", "view", lambda: "x")
    app.startup()
    app.shutdown()
    TestApp(standard(app)).get("/")
    app.shutdown()
    assert log == ["start 1", "start 2", "end 2", "end 1"]


def test_shutdown_of_an_app_that_was_never_started_does_nothing(app, log):
    app.shutdown()
    assert log == []


def test_functions_have_an_application_context_each(app):
    ended, seen = [], []
    app.teardown_appcontext(ended.append)

    def look():
        seen.append((current_app.name, "name" in g))
        g.name = "set"

    for register in (app.on_startup, app.on_startup, app.on_shutdown):
        register(look)
    app.startup()
    app.shutdown()
    assert seen == [("lifespan", False)] * 3
    assert ended == [None] * 3


def test_app_without_functions_opens_no_context(app):
    app.teardown_appcontext(pytest.fail)
    app.startup()
    app.shutdown()


def test_startup_that_fails_is_tried_again_and_what_succeeded_is_not_repeated(app):
    calls = []
    app.on_startup(lambda: calls.append("first"))

    @app.on_startup
    def fail_once():
        calls.append("second")
        if calls.count("second") == 1:
            raise LookupError("not yet")

    with pytest.raises(LookupError):
        app.startup()
    app.startup()
    assert calls == ["first", "second", "second"]


def test_function_that_is_added_late_runs_at_the_next_request(app, log):
    app.add_url_rule("/", "view", lambda: "x")
    client = TestApp(standard(app))
    client.get("/")
    app.on_startup(lambda: log.append("late"))
    client.get("/")
    assert log == ["start 1", "start 2", "late"]


def test_every_shutdown_function_runs_when_several_raise(app):
    calls = []
    for number in (1, 2):

        @app.on_shutdown
        def fail(number=number):
            calls.append(number)
            raise LookupError(number)

    app.startup()
    with pytest.raises(ExceptionGroup):
        app.shutdown()
    assert calls == [2, 1]


def test_threads_wait_for_the_one_that_starts_the_app(app):
    entered, go_on, seen = threading.Event(), threading.Event(), []

    @app.on_startup
    def slow():
        entered.set()
        go_on.wait(30)
        seen.append("started")

    def start(name):
        app.startup()
        seen.append(name)

    threads = [threading.Thread(target=start, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    entered.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert seen[0] == "started"
    assert sorted(seen[1:]) == ["a", "b"]


def test_hooks_of_gunicorn_start_and_end_every_app_in_order(app, log, monkeypatch):
    monkeypatch.setattr("wsgikit.gunicorn.come_up", Workers())  # no other test is to find one
    other = App("other")
    other.on_startup(lambda: log.append("start other"))
    other.on_shutdown(lambda: log.append("end other"))
    post_worker_init(SimpleNamespace(wsgi=app, age=1))
    worker_exit(None, SimpleNamespace(pid=os.getpid(), booted=True))
    assert log == ["start 1", "start 2", "start other", "end other", "end 2", "end 1"]


def test_shutdown_of_all_goes_on_after_one_that_fails(app, log):
    other = App("other")

    @other.on_shutdown
    def fail():
        raise LookupError("of the other")

    lifespan.startup()
    with pytest.raises(LookupError):
        lifespan.shutdown()
    assert log[-2:] == ["end 2", "end 1"]


def test_app_with_only_startup_functions_is_not_kept_alive():
    before = len(lifespan._apps)
    app = App("short-lived")
    app.on_startup(lambda: None)
    assert len(lifespan._apps) == before + 1
    del app
    import gc

    gc.collect()
    assert len(lifespan._apps) == before


def test_decorators_give_the_function_back(app):
    def function():
        """Nothing."""

    assert app.on_startup(function) is app.on_shutdown(function) is function


SCRIPT = """
import os, sys
from wsgikit import App
from wsgikit.middleware import standard
from werkzeug.test import create_environ

app = App("script", config={"SECRET_KEY": "k"})
app.on_startup(lambda: print("start", flush=True))
app.on_shutdown(lambda: print("end", flush=True))
app.add_url_rule("/", "view", lambda: "x")
"""


def run(code):
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT + code], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def test_interpreter_ends_an_app_that_a_request_has_started():
    serve = "standard(app)(create_environ('/'), lambda *args: None).close()"
    assert run(serve) == ["start", "end"]
    assert run("") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork_of_a_worker_does_not_end_what_is_the_worker_s():
    assert run("app.startup()\nif os.fork() == 0: sys.exit()\nos.wait()") == ["start", "end"]


def test_what_starts_must_say_what_its_functions_run_in():
    with pytest.raises(NotImplementedError):
        lifespan.Lifespan().app_context()
