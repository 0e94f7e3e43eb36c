"""GMiddleware."""

import pytest

from wsgikit import App, g
from wsgikit.environ import G
from wsgikit.errors import ClientDisconnected, ConfigurationError
from wsgikit.middleware import ContextMiddleware, GMiddleware

PLAIN = [("Content-Type", "text/plain")]


def page(use):
    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        use()
        yield b"one"
        yield b"two"

    return app


def chain(recorder, use, **providers):
    return ContextMiddleware(GMiddleware(page(use), **providers), current_app=recorder.app)


def test_values_and_the_namespace_are_in_reach(recorder, serve):
    seen = []

    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        seen.append((g.site, environ[G] is g._get_current_object()))
        return [b""]

    serve(ContextMiddleware(GMiddleware(app, site="x"), current_app=recorder.app))
    assert seen == [("x", True)]


def test_untouched_provider_never_runs(recorder, serve):
    serve(chain(recorder, lambda: None, db=lambda: pytest.fail("the provider ran")))


def test_provider_runs_once_a_request_and_afresh_in_the_next(recorder, serve):
    made = []
    layer = chain(recorder, lambda: (g.db, g.db), db=lambda: made.append(1))
    serve(layer)
    assert len(made) == 1
    serve(layer)
    assert len(made) == 2


def test_provider_gets_the_true_outcome(recorder, serve):
    layer = chain(recorder, lambda: g.db, db=recorder.provider)
    serve(layer)
    serve(layer, leave_after=1)
    serve(chain(recorder, lambda: g.db and 1 / 0, db=recorder.provider))
    assert [type(outcome) for outcome in recorder.provided] == [
        type(None),
        ClientDisconnected,
        ZeroDivisionError,
    ]


def test_inner_layer_adds_to_the_outer_one(recorder, serve):
    seen = []
    inner = GMiddleware(page(lambda: seen.append((g.a, g.b))), b=lambda: "inner")
    serve(ContextMiddleware(GMiddleware(inner, a="outer", b="outer"), current_app=recorder.app))
    assert seen == [("outer", "inner")]


def test_nothing_crosses_requests(recorder, serve):
    seen = []

    def use():
        seen.append("mine" in g)
        g.mine = 1

    layer = chain(recorder, use)
    serve(layer)
    serve(layer)
    assert seen == [False, False]


def test_providers_work_in_a_script(recorder):
    app = App("script")
    GMiddleware(app, db=recorder.provider)
    with app.app_context():
        assert g.db == "open"
        assert recorder.provided == []
    assert recorder.provided == [None]


@pytest.mark.parametrize("name", ["get", "pop", "_private", "provide"])
def test_name_that_would_hide_a_method_is_refused(name):
    with pytest.raises(ConfigurationError, match="another name"):
        GMiddleware(page(lambda: None), **{name: 1})


def test_provider_that_asks_for_arguments_is_refused():
    with pytest.raises(ConfigurationError, match="lambda"):
        GMiddleware(page(lambda: None), db=lambda url: url)
