"""A session opened on its layer, with no request to an app."""

from __future__ import annotations

import pytest

from wsgikit.environ import SESSION
from wsgikit.session_layer import open_session, session_layer, visible_layers


class Layer:
    """Opens when it is called, commits when its app starts the response, notes both ends."""

    provides = (SESSION,)

    def __init__(self, app=None):
        self.app = app
        self.events = []

    def __call__(self, environ, start_response):
        environ[SESSION] = {}

        def commit(status, headers):
            self.events.append(dict(environ[SESSION]))
            return start_response(status, headers)

        return Body(self.app(environ, commit), self.events)


class Body:
    def __init__(self, body, events):
        self.body, self.events = body, events

    def __iter__(self):
        return iter(self.body)

    def close(self):
        self.events.append("closed")


def test_it_is_committed_after_the_block_and_its_body_closed():
    layer, headers = Layer(), []
    with open_session(layer, {}, headers) as session:
        session["a"] = 1
        assert layer.events == []
    assert layer.events == [{"a": 1}, "closed"]
    assert headers == [("Content-Type", "text/plain")]


def test_block_that_raises_commits_nothing_and_closes_the_body():
    layer, headers = Layer(), []
    with pytest.raises(LookupError), open_session(layer, {}, headers):
        raise LookupError("in the block")
    assert (layer.events, headers) == (["closed"], [])


def test_layer_itself_keeps_its_app():
    layer = Layer("its app")
    with open_session(layer, {}, []):
        pass
    assert layer.app == "its app"


def test_outermost_layer_is_found():
    inner = Layer(print)
    outer = Layer(inner)
    assert visible_layers(outer) == (outer, inner, print)
    assert session_layer(visible_layers(outer)) is outer
