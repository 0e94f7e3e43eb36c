"""What probes are answered."""

import json
from threading import Event, Thread

import pytest

from wsgikit.environ import CLOSE_CONNECTION
from wsgikit.errors import ConfigurationError
from wsgikit.middleware import HealthMiddleware


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the app"]


def fail():
    raise OSError("password=secret")


@pytest.fixture
def probe(serve):
    """Ask a layer with these options: ``probe(path, method, **options)``."""

    def probe(path, method="GET", layer=None, **options):
        layer = layer or HealthMiddleware(app, **options)
        answer = serve(layer, PATH_INFO=path, REQUEST_METHOD=method)
        assert answer.error is None
        return answer

    return probe


def content(answer):
    return answer.status[:3], json.loads(answer.body)


def test_live_while_it_answers_whatever_the_checks_say(probe):
    answer = probe("/livez", checks={"database": fail})
    assert content(answer) == ("200", {"status": "live"})
    assert dict(answer.headers)["Content-Type"] == "application/json"


def test_ready_without_checks(probe):
    assert content(probe("/readyz")) == ("200", {"status": "ready"})


def test_ready_when_all_checks_pass(probe):
    checks = {"database": lambda: None, "redis": lambda: True}
    assert content(probe("/readyz", checks=checks)) == ("200", {"status": "ready"})


def test_checks_that_fail_are_named_and_no_more_is_said(probe):
    checks = {"database": fail, "redis": lambda: False, "store": lambda: None}
    answer = probe("/readyz", checks=checks)
    assert content(answer) == ("503", {"status": "not ready", "failing": ["database", "redis"]})


def test_not_ready_while_the_server_drains_and_live_all_the_same(probe, monkeypatch):
    monkeypatch.setattr("wsgikit.middleware.health.is_draining", lambda: True)
    assert content(probe("/readyz")) == ("503", {"status": "draining"})
    assert content(probe("/livez")) == ("200", {"status": "live"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_connection_of_a_probe_is_kept_unless_the_server_drains(serve, monkeypatch, path, method):
    closed, draining = [], []
    monkeypatch.setattr("wsgikit.draining.is_draining", lambda: bool(draining))
    asked = {"PATH_INFO": path, "REQUEST_METHOD": method}
    layer, close = HealthMiddleware(app), {CLOSE_CONNECTION: lambda: closed.append(1)}
    serve(layer, **asked, **close)
    assert closed == []
    draining.append(True)
    serve(layer, **asked, **close)
    assert closed == [1]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_answers_are_not_kept_by_caches(probe, path):
    assert dict(probe(path).headers)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_head_gets_no_body(probe, path):
    answer = probe(path, "HEAD")
    assert (answer.status, answer.body) == ("200 OK", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "BREW"])
def test_other_methods_are_refused(probe, method):
    answer = probe("/readyz", method)
    assert answer.status == "405 METHOD NOT ALLOWED"
    assert dict(answer.headers)["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/livez/", "/readyz/x", "/LIVEZ", ""])
def test_other_paths_are_the_app_s(probe, path):
    assert probe(path).body == b"the app"


def test_paths_can_be_chosen(probe):
    options = {"live_path": "/health/live", "ready_path": "/health/ready"}
    assert content(probe("/health/live", **options))[1] == {"status": "live"}
    assert content(probe("/health/ready", **options))[1] == {"status": "ready"}
    assert probe("/livez", **options).body == b"the app"


def test_all_checks_run_at_the_same_time(probe):
    first, second = Event(), Event()

    def one():
        first.set()
        assert second.wait(20)

    def other():
        second.set()
        assert first.wait(20)

    answer = probe("/readyz", checks={"one": one, "other": other}, timeout=20)
    assert content(answer)[0] == "200"


def test_each_probe_runs_a_check_once_where_no_result_counts(probe):
    calls = []
    layer = HealthMiddleware(app, checks={"redis": lambda: calls.append(1)}, keep=0)
    for count in (1, 2, 3):
        assert content(probe("/readyz", layer=layer))[0] == "200"
        assert len(calls) == count


def test_check_that_is_stuck_holds_no_probe_and_runs_once(probe):
    calls, free = [], Event()

    def stuck():
        calls.append(1)
        free.wait(20)

    layer = HealthMiddleware(app, checks={"database": stuck}, timeout=0.05, keep=600)
    for _ in range(3):
        answer = probe("/readyz", layer=layer)
        assert content(answer) == ("503", {"status": "not ready", "failing": ["database"]})
    assert calls == [1]
    free.set()


def test_probes_that_wait_at_the_same_time_share_one_run(probe):
    calls, free, answers = [], Event(), []

    def slow():
        calls.append(1)
        free.wait(20)

    layer = HealthMiddleware(app, checks={"database": slow}, timeout=20)
    threads = [
        Thread(target=lambda: answers.append(probe("/readyz", layer=layer))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    free.set()
    for thread in threads:
        thread.join(20)
    assert [content(answer)[0] for answer in answers] == ["200"] * 4
    assert calls == [1]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"checks": {"database": "postgresql://"}}, "'database' is no function"),
        ({"checks": [print]}, "has no names"),
        ({"live_path": None}, "is no list of paths"),
        ({"live_path": "livez"}, "no two paths"),
        ({"live_path": "/readyz"}, "no two paths"),
        ({"timeout": 0}, "a check needs time"),
        ({"keep": -1}, "a check needs time"),
        ({"timeout": float("inf")}, "a check needs time"),
        ({"keep": float("nan")}, "a check needs time"),
    ],
)
def test_options_that_cannot_work_are_refused(options, text):
    with pytest.raises(ConfigurationError, match=text):
        HealthMiddleware(app, **options)
