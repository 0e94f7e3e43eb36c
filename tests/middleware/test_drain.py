"""Whether the server is asked to close connections, and when."""

import pytest

from wsgikit.environ import CLOSE_CONNECTION
from wsgikit.middleware import DrainMiddleware


@pytest.fixture
def drains(monkeypatch):
    """Let the server drain, as far as the layer knows: ``drains()``."""
    told = []
    monkeypatch.setattr("wsgikit.draining.is_draining", lambda: bool(told))
    return lambda: told.append(True)


def ask(serve, app):
    """Return how often a server that can close the connection was asked to, and its answer."""
    closed = []
    answer = serve(DrainMiddleware(app), **{CLOSE_CONNECTION: lambda: closed.append(1)})
    assert answer.error is None
    return len(closed), answer


def test_connections_are_kept_while_the_server_does_not_drain(drains, hostile, serve):
    assert ask(serve, hostile.one_item_list)[0] == 0


@pytest.mark.parametrize("app", ["one_item_list", "generator", "write", "no_content", "head"])
def test_connections_are_closed_while_it_drains(drains, hostile, serve, app):
    drains()
    assert ask(serve, getattr(hostile, app))[0] == 1


def test_response_that_starts_after_the_signal_closes_its_connection(drains, serve):
    def app(environ, start_response):
        drains()
        start_response("200 OK", [])
        return []

    assert ask(serve, app)[0] == 1


def test_no_header_is_added_for_the_server_alone_may_send_it(drains, hostile, serve):
    drains()
    _, answer = ask(serve, hostile.one_item_list)
    assert answer.headers == [("Content-Type", "text/plain")]


def test_app_may_clear_the_environ(drains, serve):
    drains()

    def app(environ, start_response):
        environ.clear()
        start_response("200 OK", [])
        return []

    assert ask(serve, app)[0] == 1


def test_server_that_cannot_be_asked_gets_the_same_response(drains, hostile, serve):
    drains()
    assert serve(DrainMiddleware(hostile.one_item_list)).body == b"one"
