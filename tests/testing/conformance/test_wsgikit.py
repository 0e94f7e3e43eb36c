"""The battery over our layers, each alone and in the standard chain."""

from wsgiref.validate import validator

import pytest

from wsgikit import App, Pipeline, g, session
from wsgikit.middleware import (
    ContextMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    SessionMiddleware,
    standard_pipeline,
)
from wsgikit.testing.conformance import CASES

KEY = "a key for tests"


def make_app():
    app = App("legacy", config={"SECRET_KEY": KEY, "PROPAGATE_EXCEPTIONS": False})
    app.teardown_request(lambda outcome: None)
    return app


def provider():
    yield "open"


def make_pipeline(name, app):
    if name.startswith("standard"):
        pipeline = standard_pipeline(app, current_app=make_app(), g={"db": provider})
    else:
        pipeline = Pipeline().use(ContextMiddleware, current_app=make_app())
    if name == "error":
        pipeline.use(ErrorMiddleware)
    if name == "session":
        pipeline.use(SessionMiddleware, secret_key=KEY)
    if name == "g":
        pipeline.use(GMiddleware, db=provider)
    if name == "hooks":
        pipeline.use(HooksMiddleware)
    if name == "standard, session and g used":
        pipeline.use(Visit)
    return pipeline


class Visit:
    """Writes to the session and uses a provider of g, as an app does that is more than a pass."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        session["visitor"] = environ["HTTP_X_MARKER"]
        assert g.db == "open"
        g.visitor = environ["HTTP_X_MARKER"]
        return self.app(environ, start_response)


LAYERS = ["context", "error", "session", "g", "hooks", "standard", "standard, session and g used"]
ANSWERS_ERRORS = ("error", "standard", "standard, session and g used")


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_conforms(layer, case):
    case.check(
        lambda app: make_pipeline(layer, app).run(app), answers_errors=layer in ANSWERS_ERRORS
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.lint], ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_conforms_with_validators_between_all(layer, case):
    def middleware(app):
        pipeline = Pipeline()
        for entry in make_pipeline(layer, app):
            pipeline.use(validator).use(entry.cls, *entry.args, **entry.options)
        return pipeline.run(app)

    case.check(middleware, answers_errors=layer in ANSWERS_ERRORS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hooks_and_signals_conform(case):
    app = make_app()
    app.before_request(lambda: None)
    app.after_request(lambda response: response)

    case.check(
        lambda inner: standard_pipeline(inner, current_app=app).run(inner), answers_errors=True
    )
