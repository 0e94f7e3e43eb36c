"""The chain of middlewares."""

import re
from wsgiref.validate import validator

import pytest
from webtest import TestApp
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import App, Pipeline, current_app, request, session
from wsgikit.errors import ConfigurationError, PipelineError
from wsgikit.middleware import (
    AccessLogMiddleware,
    ContextMiddleware,
    DeadlineMiddleware,
    ErrorMiddleware,
    GMiddleware,
    HooksMiddleware,
    HostMiddleware,
    HTTPSMiddleware,
    ProxyMiddleware,
    SessionMiddleware,
    standard,
    standard_pipeline,
)

CONFIG = {"SECRET_KEY": "test", "TESTING": True}


class Outer:
    """Writes its label into the environ, where a bare app reads it."""

    provides = ("tests.outer",)

    def __init__(self, app, /, *, label="outer"):
        self.app = app
        self.label = label

    def __call__(self, environ, start_response):
        environ.setdefault("tests.trail", []).append(self.label)
        return self.app(environ, start_response)


class Inner(Outer):
    provides = ()
    requires = ("tests.outer",)

    def __init__(self, app, /, *, label="inner"):
        super().__init__(app, label=label)


class Third(Outer):
    provides = ()

    def __init__(self, app, /, *, label="third"):
        super().__init__(app, label=label)


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(environ.get("tests.trail", ())).encode()]


def trail(pipeline):
    return TestApp(pipeline.run(bare)).get("/").text


@pytest.fixture
def app():
    app = App("tests", config=CONFIG)
    app.add_url_rule("/", "view", lambda: [request.path, request.remote_addr, current_app.name])
    return app


def test_first_used_is_outermost():
    assert trail(Pipeline().use(Outer).use(Inner).use(Third)) == "outer inner third"


def test_empty_pipeline_is_the_app_itself():
    assert Pipeline().run(bare) is bare


def test_use_passes_options_and_returns_the_pipeline():
    pipeline = Pipeline()
    assert pipeline.use(Outer, label="x") is pipeline
    assert trail(pipeline) == "x"


def test_layer_may_be_used_twice():
    assert trail(Pipeline().use(Outer, label="a").use(Outer, label="b")) == "a b"


def test_layer_may_be_a_function_with_positional_options():
    def layer(app, first, second="s"):
        return Outer(app, label=first + second)

    assert trail(Pipeline().use(layer, "f")) == "fs"


def test_iterating_gives_the_layers_outermost_first():
    entries = list(Pipeline().use(Outer, label="x").use(Inner))
    assert [(each.cls, each.args, each.options) for each in entries] == [
        (Outer, (), {"label": "x"}),
        (Inner, (), {}),
    ]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda p: p.insert_before(Outer, Third), "third outer inner"),
        (lambda p: p.insert_before(Inner, Third, label="x"), "outer x inner"),
        (lambda p: p.insert_after(Outer, Third), "outer third inner"),
        (lambda p: p.insert_after(Inner, Third, label="x"), "outer inner x"),
        (lambda p: p.replace(Inner, Third), "outer third"),
        (lambda p: p.replace(Outer, Outer, label="x"), "x inner"),
        (lambda p: p.without(Inner), "outer"),
        (lambda p: p.without(Inner).without(Outer), ""),
    ],
)
def test_editing_by_class(edit, expected):
    pipeline = Pipeline().use(Outer).use(Inner)
    assert edit(pipeline) is pipeline
    assert trail(pipeline) == expected


EDITS = [
    lambda p, anchor: p.insert_before(anchor, Outer),
    lambda p, anchor: p.insert_after(anchor, Outer),
    lambda p, anchor: p.replace(anchor, Outer),
    lambda p, anchor: p.without(anchor),
]


@pytest.mark.parametrize("edit", EDITS)
def test_unknown_anchor_is_named_with_the_chain(edit):
    with pytest.raises(PipelineError, match="Third is not in the pipeline, which has Outer, Inner"):
        edit(Pipeline().use(Outer).use(Inner), Third)


@pytest.mark.parametrize("edit", EDITS)
def test_anchor_in_an_empty_pipeline(edit):
    with pytest.raises(PipelineError, match="'Outer' is not in the pipeline, which has nothing"):
        edit(Pipeline(), "Outer")


@pytest.mark.parametrize("edit", [*EDITS, lambda p, anchor: p.use(Third)])
def test_pipeline_is_frozen_once_run(edit):
    pipeline = Pipeline().use(Outer)
    pipeline.run(bare)
    with pytest.raises(PipelineError, match="has run"):
        edit(pipeline, Outer)
    assert [entry.cls for entry in pipeline] == [Outer]


def test_pipeline_may_run_twice():
    def other(environ, start_response):
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"other"]

    pipeline = Pipeline().use(Outer)
    first, second = pipeline.run(bare), pipeline.run(other)
    assert TestApp(first).get("/").text == "outer"
    assert TestApp(second).get("/").text == "other"


def test_pipeline_that_failed_to_run_can_be_mended(app):
    pipeline = Pipeline().use(ContextMiddleware).use(SessionMiddleware, secret_key="")
    with pytest.raises(ConfigurationError):
        pipeline.run(app)
    pipeline.replace(SessionMiddleware, SessionMiddleware, secret_key="test")
    assert TestApp(pipeline.run(app)).get("/").json[0] == "/"


def test_failed_run_leaves_the_entry_of_the_app_as_it_was(app):
    application = standard(app)
    with pytest.raises(ConfigurationError):
        standard(app, secret_key="")
    assert app.entry is application


def test_layer_inside_its_provider_is_told_both_names_and_the_fix():
    with pytest.raises(PipelineError) as caught:
        Pipeline().use(Inner).use(Third).use(Outer).run(bare)
    problem, fix = str(caught.value).split("\n\n")
    assert "Inner requires environ['tests.outer'], which Outer provides" in problem
    assert "Move Outer outside Inner: .use(Outer, …) before .use(Inner, …)" in fix


def test_layer_without_its_provider_is_told_the_key_and_the_fix():
    with pytest.raises(PipelineError) as caught:
        Pipeline().use(Third).use(Inner).run(bare)
    problem, fix = str(caught.value).split("\n\n")
    assert "Inner requires environ['tests.outer'], which no layer outside it provides" in problem
    assert "before .use(Inner, …)" in fix


def test_layer_does_not_provide_for_itself():
    both = type("Both", (Inner,), {"provides": ("tests.outer",)})
    with pytest.raises(PipelineError, match="Both requires"):
        Pipeline().use(both).run(bare)


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        (ErrorMiddleware, {}),
        (GMiddleware, {}),
        (HooksMiddleware, {}),
    ],
)
def test_standard_layers_outside_the_context_are_refused(app, layer, options):
    with pytest.raises(PipelineError, match=f"Move ContextMiddleware outside {layer.__name__}"):
        Pipeline().use(layer, **options).use(ContextMiddleware).run(app)


def test_order_errors_are_configuration_errors():
    assert issubclass(PipelineError, ConfigurationError)


def test_misspelt_option_is_refused_with_a_suggestion():
    with pytest.raises(PipelineError) as caught:
        Pipeline().use(SessionMiddleware, secret_key="x", cookie_nam="y")
    text = str(caught.value)
    assert text.startswith("SessionMiddleware: got an unexpected keyword argument 'cookie_nam'")
    assert "Did you mean 'cookie_name'?" in text
    assert "It takes secret_key, " in text


@pytest.mark.parametrize("edit", ["insert_before", "insert_after", "replace"])
def test_misspelt_option_is_refused_by_every_edit(edit):
    pipeline = Pipeline().use(Outer)
    with pytest.raises(PipelineError, match="'label'"):
        getattr(pipeline, edit)(Outer, Third, lable="x")
    assert [entry.cls for entry in pipeline] == [Outer]


def test_option_like_no_other_is_refused_without_a_suggestion():
    with pytest.raises(PipelineError) as caught:
        Pipeline().use(Outer, zzz=1)
    assert "Did you mean" not in str(caught.value)
    assert "It takes label." in str(caught.value)


def test_missing_option_is_named():
    with pytest.raises(PipelineError, match=r"missing a required .*argument: 'secret_key'"):
        Pipeline().use(SessionMiddleware)


@pytest.mark.parametrize("layer", [validator, HooksMiddleware])
def test_layer_without_options_says_so(layer):
    with pytest.raises(PipelineError, match=f"{layer.__name__}: .*\n\nIt takes no options"):
        Pipeline().use(layer, strict=True)


def test_misspelt_option_of_standard_is_refused_with_a_suggestion(app):
    with pytest.raises(PipelineError, match="Did you mean 'same_site'"):
        standard(app, samesite="Lax")


def test_callable_without_a_signature_is_taken_as_it_is():
    assert Pipeline().use(type).run(bare) is type(bare)


def test_foreign_middlewares_work_in_the_chain(app):
    pipeline = standard_pipeline(app)
    pipeline.insert_before(ContextMiddleware, ProxyFix, x_for=1)
    pipeline.insert_before(ProxyFix, validator).insert_after(HooksMiddleware, validator)
    pipeline.insert_after(ContextMiddleware, validator)
    client = TestApp(pipeline.run(app))
    response = client.get("/", headers={"X-Forwarded-For": "10.1.2.3"})
    assert response.json == ["/", "10.1.2.3", "tests"]


def test_mounts_work_in_the_chain(app):
    pipeline = standard_pipeline(app).use(DispatcherMiddleware, {"/legacy": bare})
    client = TestApp(pipeline.run(app))
    assert client.get("/").json[0] == "/"
    assert client.get("/legacy/x").text == ""


def test_pipeline_in_a_pipeline(app):
    application = Pipeline().use(Outer, label="x").use(ProxyFix).run(standard(app))
    assert TestApp(application).get("/").json[2] == "tests"
    assert app.entry is application


def test_standard_chain_in_a_standard_chain_keeps_its_own_contexts(app):
    outer = App("outer", config={**CONFIG, "SESSION_COOKIE_NAME": "outer"})
    log = []
    outer.before_request(lambda: log.append((current_app.name, dict(session))))
    outer.teardown_request(lambda outcome: log.append((current_app.name, request.path)))
    application = standard(standard(app), current_app=outer, cookie_name="outer")
    assert TestApp(application).get("/").json[2] == "tests"
    assert log == [("outer", {}), ("outer", "/")]


def test_entry_is_the_outermost_layer(app):
    application = Pipeline().use(Outer).use(ContextMiddleware).run(app)
    assert app.entry is application
    assert isinstance(application, Outer)


@pytest.mark.parametrize("hiding", [ContextMiddleware, HooksMiddleware])
def test_entry_is_found_where_a_layer_hides_the_app(app, hiding):
    pipeline = standard_pipeline(app).insert_before(hiding, validator)
    application = pipeline.run(app)
    assert app.entry is application
    with app.test_request_context():
        assert request.endpoint == "view"


def test_chain_of_the_app_has_every_layer_outermost_first(app):
    pipeline = standard_pipeline(app).insert_before(ContextMiddleware, validator)
    application = pipeline.insert_before(HooksMiddleware, validator).run(app)
    names = ["validator", *(entry.name for entry in standard_pipeline(app))]
    assert len(app.chain) == len(names) + 2
    assert (app.chain[0], app.chain[-1]) == (application, app)
    ours = [layer for layer in app.chain[:-1] if hasattr(layer, "app")]
    assert [type(layer).__name__ for layer in ours] == names[1:]


def test_chain_of_an_app_in_no_pipeline_is_empty(app):
    assert app.chain == ()
    assert app.entry is None


def test_entry_of_a_current_app_around_a_foreign_app():
    legacy = App("legacy", config=CONFIG)
    application = standard(bare, current_app=legacy)
    assert legacy.entry is application


def test_entry_of_a_current_app_is_found_where_a_layer_hides_it():
    legacy = App("legacy", config=CONFIG)
    pipeline = standard_pipeline(bare, current_app=legacy)
    application = pipeline.insert_before(ContextMiddleware, validator).run(bare)
    assert legacy.entry is application


def test_current_app_around_another_app_is_not_the_inner_one(app):
    legacy = App("legacy", config=CONFIG)
    layer = Pipeline().use(ContextMiddleware, current_app=legacy).run(app)
    assert not layer.is_inner


def test_repr_prints_one_layer_a_line(app):
    pipeline = Pipeline().use(ProxyFix, x_for=1).use(ContextMiddleware).use(validator)
    pipeline.use(GMiddleware, site="x", db=bare)
    assert repr(pipeline).splitlines() == [
        "Pipeline",
        "  ProxyFix(x_for=1)",
        "  ContextMiddleware()",
        "  validator()",
        "  GMiddleware(site='x', db=bare)",
    ]


def test_repr_ends_with_the_app_once_run(app):
    pipeline = Pipeline().use(DispatcherMiddleware, {}).use(ContextMiddleware)
    assert repr(pipeline).splitlines()[1] == "  DispatcherMiddleware({})"
    pipeline.run(app)
    assert repr(pipeline).splitlines()[-1] == "  <App 'tests'>"


def test_repr_of_a_layer_without_a_name():
    class Factory:
        def __call__(self, app):
            return app

        def __repr__(self):
            return "<a factory>"

    assert repr(Pipeline().use(Factory())).splitlines()[1] == "  <a factory>()"


SECRETS = [
    "secret_key",
    "secret_key_fallbacks",
    "api_key",
    "SECRET",
    "API_KEY",
    "password",
    "auth_token",
]


@pytest.mark.parametrize("name", SECRETS)
def test_repr_shows_no_secret(name):
    pipeline = Pipeline().use(GMiddleware, **{name: "hush-hush"})
    assert repr(pipeline).splitlines()[1] == f"  GMiddleware({name}=…)"


def test_repr_shows_no_password_of_a_url():
    pipeline = Pipeline().use(SessionMiddleware, secret_key="x", store="redis://me:pw@cache/0")
    assert "store='redis://…@cache/0'" in repr(pipeline)
    assert "pw" not in repr(pipeline)


def test_repr_of_the_standard_chain_shows_no_secret():
    app = App("tests", config={"SECRET_KEY": "hush", "SECRET_KEY_FALLBACKS": ["hush-old"]})
    text = repr(standard_pipeline(app))
    assert "hush" not in text
    assert re.findall(r"^  (\w+)\(", text, re.MULTILINE) == [
        "ContextMiddleware",
        "ErrorMiddleware",
        "SessionMiddleware",
        "GMiddleware",
        "HooksMiddleware",
    ]


def test_errors_show_no_secret():
    with pytest.raises(PipelineError) as caught:
        Pipeline().use(SessionMiddleware, secret_key="hush-hush", cookie_nam="y")
    assert "hush" not in str(caught.value)


PROXIED = (ProxyMiddleware, {"trusted": ["10.0.0.1"]})
HOSTED = (HostMiddleware, {"trusted": ["example.org"]})


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (HOSTED, PROXIED),
        ((HTTPSMiddleware, {}), PROXIED),
        ((HTTPSMiddleware, {}), HOSTED),
        ((AccessLogMiddleware, {}), PROXIED),
        ((SessionMiddleware, {"secret_key": "key"}), PROXIED),
    ],
)
def test_layer_that_would_see_the_proxy_or_any_host_is_refused(outer, inner):
    pipeline = Pipeline().use(outer[0], **outer[1]).use(inner[0], **inner[1])
    with pytest.raises(PipelineError, match=f"Move {inner[0].__name__} outside"):
        pipeline.run(lambda environ, start_response: [])


def test_two_proxy_layers_are_refused():
    pipeline = Pipeline().use(PROXIED[0], **PROXIED[1]).use(Outer).use(ProxyMiddleware)
    with pytest.raises(PipelineError, match=r"(?s)must not stand inside ProxyMiddleware.*Take out"):
        pipeline.run(bare)
    assert pipeline.without(ProxyMiddleware).run(bare)


def test_layer_that_is_forbidden_may_stand_inside():
    class Alone(Third):
        forbids = ("tests.outer",)

    assert trail(Pipeline().use(Alone).use(Outer)) == "third outer"
    with pytest.raises(PipelineError, match=r"Alone must not stand inside Outer.*'tests\.outer'"):
        Pipeline().use(Outer).use(Alone).run(bare)


def test_two_deadlines_are_none_too_many():
    pipeline = Pipeline().use(DeadlineMiddleware, seconds=9).use(DeadlineMiddleware, seconds=3)
    assert pipeline.run(bare)
