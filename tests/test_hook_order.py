"""Hooks and signals come in Flask's order: the same app in both, and the same log."""

import flask
import pytest
import webtest

import wsgikit
from wsgikit.middleware import standard

PATHS = [
    "/",
    "/bp/",
    "/bp/inner/",
    "/unknown",
    "/bp/unknown",
    "/answered",
    "/bp/answered",
    "/abort",
    "/bp/abort",
    "/broken",
    "/bp/inner/broken",
    "/handled",
    "/bp/inner/handled",
]
SIGNALS = [
    "appcontext_pushed",
    "request_started",
    "request_finished",
    "got_request_exception",
    "request_tearing_down",
    "appcontext_tearing_down",
    "appcontext_popped",
]
HOOKS = ["before_request", "after_request", "teardown_request"]
APP_WIDE = ["before_app_request", "after_app_request", "teardown_app_request"]


def make_hook(log, framework, name):
    """A function for any hook: it takes what comes, logs it, and lets the request go on."""

    def hook(*args):
        (argument,) = args or (None,)
        log.append((name, type(argument).__name__ if name.startswith("teardown") else None))
        path = framework.request.path if "appcontext" not in name else ""
        if name == "before_request of app" and path.endswith("answered"):
            return "answered by the hook"
        return argument if "after" in name else None

    return hook


def add_hooks(log, framework, scaffold, label, names):
    for name in names:
        for suffix in ("", " again"):
            getattr(scaffold, name)(make_hook(log, framework, f"{name} of {label}{suffix}"))


def add_views(log, framework, scaffold, label):
    def index():
        framework.after_this_request(make_hook(log, framework, f"after_this_request of {label}"))
        framework.after_this_request(
            make_hook(log, framework, f"after_this_request of {label} again")
        )
        log.append(("view", label))
        return "index"

    def broken():
        raise LookupError(label)

    def handled():
        raise KeyError(label)

    views = {"/": index, "/answered": index}
    views |= {"/abort": lambda: framework.abort(409), "/broken": broken, "/handled": handled}
    for rule, view in views.items():
        scaffold.add_url_rule(rule, rule.strip("/") or "index", view)


def handler(log, name):
    def handle(error):
        log.append((name, type(error).__name__))
        return name, 500

    return handle


def build(framework, app):
    log = []
    outer = framework.Blueprint("outer", "flask")
    inner = framework.Blueprint("inner", "flask")
    for scaffold, label in ((app, "app"), (outer, "outer"), (inner, "inner")):
        add_hooks(log, framework, scaffold, label, HOOKS)
        add_views(log, framework, scaffold, label)
    add_hooks(log, framework, app, "app", ["teardown_appcontext"])
    for blueprint, label in ((outer, "outer"), (inner, "inner")):
        add_hooks(log, framework, blueprint, label, APP_WIDE)
    app.errorhandler(LookupError)(handler(log, "LookupError of app"))
    app.errorhandler(500)(handler(log, "500 of app"))
    inner.errorhandler(KeyError)(handler(log, "KeyError of inner"))
    outer.app_errorhandler(409)(handler(log, "409 for the app"))
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/bp")
    return log


@pytest.fixture
def wsgikit_site():
    app = wsgikit.App("tests", config={"SECRET_KEY": "k"})
    return app, build(wsgikit, app), standard(app), wsgikit.signals


@pytest.fixture
def flask_site():
    app = flask.Flask("flask")
    return app, build(flask, app), app, flask


def entries_of(site, path):
    app, log, application, signals = site
    connected = []
    for name in SIGNALS:

        def receiver(sender, _name=name, **data):
            log.append(("signal", _name))

        connected.append(getattr(signals, name).connected_to(receiver, app))
    for each in connected:
        each.__enter__()
    try:
        response = webtest.TestApp(application).get(path, expect_errors=True)
    finally:
        for each in connected:
            each.__exit__(None, None, None)
    return response.status_int, log


@pytest.mark.parametrize("path", PATHS)
def test_same_log_as_flask(wsgikit_site, flask_site, path):
    ours, theirs = entries_of(wsgikit_site, path), entries_of(flask_site, path)
    assert ours[0] == theirs[0]
    assert without_outcomes(ours[1]) == without_outcomes(theirs[1])
    assert len(ours[1]) > 10


def without_outcomes(log):
    """The outcome of a handled error is ours to tell: Flask passes None (see the README)."""
    return [name if name.startswith("teardown") else (name, value) for name, value in log]


def test_app_wide_hooks_of_a_blueprint_that_is_registered_twice_are_added_once():
    log = []
    app, blueprint = wsgikit.App("tests", config={"SECRET_KEY": "k"}), wsgikit.Blueprint("twice")
    blueprint.before_app_request(lambda: log.append("before"))
    blueprint.app_context_processor(lambda: {"name": "value"})
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name="again", url_prefix="/again")
    other = wsgikit.App("other", config={"SECRET_KEY": "k"})
    other.register_blueprint(blueprint)
    for each in (app, other):
        each.add_url_rule("/", "view", lambda: wsgikit.render_template_string("{{ name }}"))
        assert webtest.TestApp(standard(each)).get("/").text == "value"
    assert log == ["before", "before"]


def test_app_wide_hook_that_comes_too_late_is_refused():
    app, blueprint = wsgikit.App("tests"), wsgikit.Blueprint("late")
    app.register_blueprint(blueprint)
    with pytest.raises(RuntimeError, match="app-wide hooks"):
        blueprint.before_app_request(lambda: None)
