"""What a layer outside sees of a request that the end of its process cuts off."""

import pytest
from werkzeug.test import create_environ

from wsgikit import App
from wsgikit.exchange import cut_all, observe, under_way
from wsgikit.middleware import standard


@pytest.fixture
def app():
    return App("tests", config={"SECRET_KEY": "test"})


def start(app, path="/"):
    """Call the app as a server does; return its body, and the list of what is reported."""

    def report(seen):
        reports.append((seen.status, seen.rule, seen.size, seen.aborted))

    reports = []
    body = observe(app, create_environ(path), lambda *args: lambda data: None, report)
    return body, reports


def test_stream_that_is_cut_is_reported_once_as_far_as_it_came(app):
    @app.get("/stream/<int:number>")
    def stream(number):
        yield b"one"
        yield b"two"

    body, reports = start(standard(app), "/stream/1")
    assert next(iter(body)) == b"one"
    cut_all()
    body.close()
    assert reports == [(200, "/stream/<int:number>", 3, "stop")]


def test_view_that_is_cut_has_a_rule_and_no_status(app):
    @app.get("/busy")
    def busy():
        cut_all()
        return "too late"

    body, reports = start(standard(app), "/busy")
    body.close()
    assert reports == [(None, "/busy", 0, "stop")]


def test_foreign_app_that_is_cut_has_no_rule():
    def app(environ, start_response):
        cut_all()
        start_response("200 OK", [])
        return [b"too late"]

    _, reports = start(app)
    assert reports == [(None, None, 0, "stop")]


@pytest.mark.parametrize("error", [None, ValueError("wrong")])
def test_what_is_over_is_not_kept(app, error):
    @app.get("/")
    def index():
        if error is not None:
            raise error
        return "done"

    body, reports = start(standard(app))
    body.close()
    cut_all()
    assert len(reports) == 1
    assert not under_way


def test_error_that_the_server_gets_leaves_nothing_under_way():
    def app(environ, start_response):
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        start(app)
    assert not under_way
