"""Blueprints: prefixes, nesting, and hooks and handlers of their own."""

import pytest
from webtest import TestApp

from wsgikit import App, Blueprint, abort, request, url_for
from wsgikit.blueprint import join_rule
from wsgikit.middleware import standard


def name_of_endpoint():
    return request.endpoint


@pytest.mark.parametrize(
    ("prefix", "rule", "joined"),
    [
        ("", "/x", "/x"),
        ("", "/", "/"),
        ("/", "/x", "/x"),
        ("/", "/", "/"),
        ("/", "", "/"),
        ("/api", "/x", "/api/x"),
        ("/api", "x", "/api/x"),
        ("/api", "/", "/api/"),
        ("/api", "", "/api"),
        ("/api/", "/x", "/api/x"),
        ("/api/", "/x/", "/api/x/"),
        ("/api/", "", "/api/"),
        ("api", "/x", "/api/x"),
        ("api", "", "/api"),
        ("/a/b", "/<int:id>", "/a/b/<int:id>"),
    ],
)
def test_prefix_and_rule_are_joined_by_one_slash(prefix, rule, joined):
    assert join_rule(prefix, rule) == joined


@pytest.mark.parametrize(("prefix", "path"), [("", "/"), ("/", "/"), ("/api", "/api/")])
def test_rules_stand_under_the_prefix(app, client, prefix, path):
    blueprint = Blueprint("blog", url_prefix=prefix)
    blueprint.add_url_rule("/", "index", name_of_endpoint)
    app.register_blueprint(blueprint)
    assert client.get(path).text == "blog.index"


def test_registering_may_give_another_prefix(app, client):
    blueprint = Blueprint("blog", url_prefix="/blog")
    blueprint.add_url_rule("/x", "index", name_of_endpoint)
    app.register_blueprint(blueprint, url_prefix="/news")
    assert client.get("/news/x").text == "blog.index"
    client.get("/blog/x", status=404)


def test_registering_may_take_the_prefix_away(app, client):
    blueprint = Blueprint("blog", url_prefix="/blog")
    blueprint.add_url_rule("/x", "index", name_of_endpoint)
    app.register_blueprint(blueprint, url_prefix="")
    assert client.get("/x").text == "blog.index"


def test_prefix_may_hold_arguments(app, client):
    blueprint = Blueprint("user", url_prefix="/<int:user>")
    blueprint.add_url_rule("/<what>", "show", lambda user, what: [user, what])
    app.register_blueprint(blueprint)
    assert client.get("/7/photos").json == [7, "photos"]


def test_decorators_route_as_on_an_app(app, client):
    blueprint = Blueprint("blog", url_prefix="/blog")

    @blueprint.post("/x", endpoint="create")
    def view():
        return request.endpoint

    app.register_blueprint(blueprint)
    assert client.post("/blog/x").text == "blog.create"
    client.get("/blog/x", status=405)


def nested(app, **prefixes):
    """Two blueprints, one in the other, and a plain route beside them."""
    inner = Blueprint("inner", url_prefix=prefixes.get("inner", "/inner"))
    inner.add_url_rule("/", "index", name_of_endpoint)
    outer = Blueprint("outer", url_prefix=prefixes.get("outer", "/outer"))
    outer.add_url_rule("/", "index", name_of_endpoint)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_url_rule("/plain", "plain", name_of_endpoint)
    return outer, inner


@pytest.mark.parametrize(
    ("outer", "inner", "path"),
    [
        ("/outer", "/inner", "/outer/inner/"),
        ("/outer/", "/inner/", "/outer/inner/"),
        ("", "/inner", "/inner/"),
        ("/", "/inner", "/inner/"),
    ],
)
def test_nested_prefixes_are_joined(app, client, outer, inner, path):
    nested(app, outer=outer, inner=inner)
    assert client.get(path).text == "outer.inner.index"


def test_nesting_may_give_another_prefix(app, client):
    inner = Blueprint("inner", url_prefix="/inner")
    inner.add_url_rule("/", "index", name_of_endpoint)
    outer = Blueprint("outer", url_prefix="/outer")
    outer.register_blueprint(inner, url_prefix="/deep")
    app.register_blueprint(outer)
    assert client.get("/outer/deep/").text == "outer.inner.index"


def log_hooks(log, scaffold):
    scaffold.before_request(lambda: log.append(f"before {scaffold.name}"))
    scaffold.before_request(lambda: log.append(f"before {scaffold.name} 2"))
    scaffold.after_request(lambda response: log.append(f"after {scaffold.name}"))
    scaffold.after_request(lambda response: log.append(f"after {scaffold.name} 2"))
    scaffold.teardown_request(lambda outcome: log.append(f"teardown {scaffold.name}"))
    scaffold.teardown_request(lambda outcome: log.append(f"teardown {scaffold.name} 2"))


def expected_log(*names):
    before = [text for name in names for text in (f"before {name}", f"before {name} 2")]
    return before + [
        f"{kind} {name}{number}"
        for kind in ("after", "teardown")
        for name in names[::-1]
        for number in (" 2", "")
    ]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/plain", ["tests"]),
        ("/outer/", ["tests", "outer"]),
        ("/outer/inner/", ["tests", "outer", "inner"]),
    ],
)
def test_hooks_run_outermost_first_and_back_reversed(app, client, path, names):
    log = []
    for scaffold in (app, *nested(app)):
        log_hooks(log, scaffold)
    client.get(path)
    assert log == expected_log(*names)


def test_hooks_of_blueprints_do_not_run_for_unknown_paths(app, client):
    log = []
    for scaffold in (app, *nested(app)):
        log_hooks(log, scaffold)
    client.get("/outer/missing", status=404)
    assert log == expected_log("tests")


def test_before_hook_of_a_blueprint_may_answer(app, client):
    _, inner = nested(app)
    inner.before_request(lambda: ("stopped", 403))
    assert client.get("/outer/inner/", status=403).text == "stopped"
    assert client.get("/outer/").text == "outer.index"


@pytest.mark.parametrize(
    ("registered", "answer"),
    [
        (["tests", "outer", "inner"], "inner"),
        (["tests", "outer"], "outer"),
        (["tests"], "tests"),
    ],
)
def test_error_handlers_of_the_innermost_come_first(app, client, registered, answer):
    outer, inner = nested(app)
    for scaffold in (app, outer, inner):
        if scaffold.name in registered:
            scaffold.register_error_handler(418, lambda error, name=scaffold.name: name)
    app.view_functions["outer.inner.index"] = lambda: abort(418)
    assert client.get("/outer/inner/").text == answer


def test_error_handlers_of_a_blueprint_leave_others_alone(app, client):
    _, inner = nested(app)
    inner.register_error_handler(404, lambda error: "inner")
    client.get("/missing", status=404)
    client.get("/outer/inner/missing", status=404)


def test_registered_twice_under_another_name(app, client):
    blueprint = Blueprint("blog", url_prefix="/blog")
    blueprint.add_url_rule("/", "index", lambda: [request.blueprint, url_for(".index")])
    log = []
    blueprint.before_request(lambda: log.append(request.blueprint))
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name="news", url_prefix="/news")
    assert client.get("/blog/").json == ["blog", "/blog/"]
    assert client.get("/news/").json == ["news", "/news/"]
    assert log == ["blog", "news"]
    assert app.blueprints == {"blog": blueprint, "news": blueprint}


def test_registered_in_two_apps(app, client):
    other = App("other", config=app.config)
    blueprint = Blueprint("blog")
    blueprint.add_url_rule("/", "index", name_of_endpoint)
    app.register_blueprint(blueprint)
    other.register_blueprint(blueprint)
    assert client.get("/").text == TestApp(standard(other)).get("/").text == "blog.index"


@pytest.mark.parametrize("again", [Blueprint("blog"), None])
def test_registering_a_name_twice_is_refused(app, again):
    blueprint = Blueprint("blog")
    app.register_blueprint(blueprint)
    with pytest.raises(ValueError, match="name='…'"):
        app.register_blueprint(again or blueprint)


def test_two_nested_blueprints_of_one_name_are_refused(app):
    first, second = Blueprint("x"), Blueprint("x")
    first.add_url_rule("/first", "first", name_of_endpoint)
    second.add_url_rule("/second", "second", name_of_endpoint)
    outer = Blueprint("outer")
    with pytest.raises(ValueError, match="x"):  # noqa: PT012 - wherever it is noticed
        outer.register_blueprint(first)
        outer.register_blueprint(second)
        app.register_blueprint(outer)


@pytest.mark.parametrize("name", ["", "a.b", "."])
def test_name_is_a_word_without_dots(app, name):
    with pytest.raises(ValueError, match="without dots"):
        Blueprint(name)


def test_name_given_at_registration_is_a_word_without_dots(app):
    with pytest.raises(ValueError, match="dots"):
        app.register_blueprint(Blueprint("blog"), name="a.b")


def test_endpoint_has_no_dot():
    with pytest.raises(ValueError, match=r"no dot: 'a\.b'"):
        Blueprint("blog").add_url_rule("/", "a.b", name_of_endpoint)


def test_rule_needs_a_view():
    with pytest.raises(ValueError, match="'/x' of blueprint 'blog' has no view"):
        Blueprint("blog").add_url_rule("/x", "index")


def test_nesting_in_itself_is_refused():
    blueprint = Blueprint("blog")
    with pytest.raises(ValueError, match="itself"):
        blueprint.register_blueprint(blueprint)


@pytest.mark.parametrize("which", ["outer", "inner"])
def test_late_additions_are_refused(app, which):
    blueprint = dict(zip(("outer", "inner"), nested(app), strict=True))[which]
    with pytest.raises(RuntimeError, match="registered already"):
        blueprint.get("/late")(name_of_endpoint)
    with pytest.raises(RuntimeError, match="registered already"):
        blueprint.register_blueprint(Blueprint("late"))


def test_late_hooks_and_handlers_count(app, client):
    outer, _ = nested(app)
    outer.before_request(lambda: abort(418))
    outer.register_error_handler(418, lambda error: "late")
    assert client.get("/outer/").text == "late"
