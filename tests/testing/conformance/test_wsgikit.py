"""The battery over our layers, each alone and in the standard chain."""

from wsgiref.validate import validator

import pytest

from wsgikit import App, Pipeline, g, request, session
from wsgikit.environ import CLOSE_CONNECTION
from wsgikit.middleware import (
    ContextMiddleware,
    DeadlineMiddleware,
    DrainMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HealthMiddleware,
    HooksMiddleware,
    HostMiddleware,
    HTTPSMiddleware,
    ProxyMiddleware,
    SessionMiddleware,
    standard_pipeline,
)
from wsgikit.testing.conformance import CASES, contents

KEY = "a key for tests"


def provider():
    yield "open"


class WriteToSession:
    """Changes the session for each request, so that its layer sends a cookie."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        session["visitor"] = environ["HTTP_X_MARKER"]
        return self.app(environ, start_response)


class UseG:
    """Opens a provider of g, so that teardown has something to close."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        assert g.db == "open"
        g.visitor = environ["HTTP_X_MARKER"]
        return self.app(environ, start_response)


class CanClose:
    """Lets the layers inside close the connection, as our hooks of gunicorn do."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ[CLOSE_CONNECTION] = list
        return self.app(environ, start_response)


SESSION = (SessionMiddleware, {"secret_key": KEY})
STORED = (SessionMiddleware, {"secret_key": KEY, "store": "memory:"})
G = (GMiddleware, {"db": provider})


def has_no_host(environ):
    return "HTTP_HOST" not in environ


EDGE = [
    (ProxyMiddleware, {"trusted": ["unix", "0.0.0.0/0"]}),
    (HostMiddleware, {"trusted": ["localhost", "127.0.0.1"], "exclude": has_no_host}),
    (HTTPSMiddleware, {"redirect": False}),
]
INSIDE_A_CONTEXT = {
    "edge": EDGE,
    "context": [],
    "operations": [
        (HealthMiddleware, {}),
        (CanClose, {}),
        (DrainMiddleware, {}),
        (DeadlineMiddleware, {"seconds": 30}),
    ],
    "error": [(ErrorMiddleware, {})],
    "session": [SESSION],
    "session, used": [SESSION, (WriteToSession, {})],
    "stored session": [STORED],
    "stored session, used": [STORED, (WriteToSession, {})],
    "g": [G],
    "g, used": [G, (UseG, {})],
    "hooks": [(HooksMiddleware, {})],
    "hooks, form read": [(HooksMiddleware, {})],
}
STANDARDS = (
    "standard",
    "standard, all used",
    "standard, hooks",
    "standard, form read",
    "standard, router",
)
LAYERS = (*INSIDE_A_CONTEXT, *STANDARDS)
FORMS = (str(contents.FORM), str(contents.MULTIPART))
ANSWERS_ERRORS = ("error", *STANDARDS)


def make_app(name, **options):
    app = App(name, config={"SECRET_KEY": KEY, "PROPAGATE_EXCEPTIONS": False}, **options)
    app.teardown_request(lambda outcome: None)
    return app


def make_hooked_app():
    app = make_app("hooks")

    @app.before_request
    def look_at_the_request():
        assert None not in (request.path, request.args, request.cookies)

    @app.after_request
    def add_a_header(response):
        response.headers["X-Hooked"] = "yes"
        return response

    return app


def make_form_reading_app():
    app = make_app("form read")

    @app.before_request
    def look_at_the_form():
        assert bool(request.form) == (request.mimetype in FORMS)
        assert bool(request.files) == (request.mimetype == str(contents.MULTIPART))
        assert bool(request.get_json(silent=True)) == request.is_json

    return app


def make_current_app(name):
    if name == "standard, hooks":
        return make_hooked_app()
    return make_form_reading_app() if name.endswith("form read") else make_app("legacy")


def make_pipeline(name, app):
    """The layer or chain of this name, and the app that stands innermost in it."""
    if name == "standard, router":
        app = make_app("router", fallback=app)
        return standard_pipeline(app), app
    current_app = make_current_app(name)
    if name in STANDARDS:
        pipeline = standard_pipeline(app, current_app=current_app, g={"db": provider})
        if name == "standard, all used":
            pipeline.use(WriteToSession).use(UseG)
        return pipeline, app
    pipeline = Pipeline().use(ContextMiddleware, current_app=current_app)
    for cls, options in INSIDE_A_CONTEXT[name]:
        pipeline.use(cls, **options)
    return pipeline, app


def combine(layers, cases):
    return pytest.mark.parametrize(
        ("layer", "case"), [(layer, case) for layer in layers for case in cases], ids=str
    )


@combine(LAYERS, CASES)
def test_layer_conforms(layer, case):
    def middleware(app):
        pipeline, inner = make_pipeline(layer, app)
        return pipeline.run(inner)

    case.check(middleware, answers_errors=layer in ANSWERS_ERRORS)


@combine(LAYERS, [case for case in CASES if case.lint])
def test_layer_conforms_with_validators_between_all(layer, case):
    def middleware(app):
        entries, inner = make_pipeline(layer, app)
        pipeline = Pipeline()
        for entry in entries:
            pipeline.use(validator).use(entry.cls, *entry.args, **entry.options)
        return pipeline.run(inner)

    case.check(middleware, answers_errors=layer in ANSWERS_ERRORS)
