"""The inner router app."""

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import click
import flask
import pytest
from click.testing import CliRunner
from webtest import TestApp
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import create_environ

from wsgikit import (
    App,
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    has_request_context,
    request,
    session,
)
from wsgikit.app import find_app
from wsgikit.middleware import ContextMiddleware, standard

CONFIG = {"SECRET_KEY": "test", "TESTING": True}


@pytest.fixture
def app():
    return App("tests", config=CONFIG)


class Body:
    """A legacy app's chunks that count how often they were closed."""

    closed = 0

    def __iter__(self):
        return iter([b"legacy"])

    def close(self):
        self.closed += 1


class Legacy:
    """A WSGI app that keeps its bodies."""

    def __init__(self):
        self.bodies = []

    def __call__(self, environ, start_response):
        start_response("299 Legacy", [("Content-Type", "text/plain")])
        self.bodies.append(Body())
        return self.bodies[-1]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_decorator_routes_its_method_alone(app, client, method):
    getattr(app, method)("/")(lambda: request.method)
    assert client.request("/", method=method.upper()).text == method.upper()
    allowed = client.request("/", method="TRACE", status=405).headers["Allow"].split(", ")
    automatic = {"OPTIONS", "HEAD"} if method == "get" else {"OPTIONS"}
    assert set(allowed) == {method.upper(), *automatic}


def test_route_passes_converted_arguments(app, client):
    @app.route("/<int:number>/<path:rest>", defaults={"extra": "x"})
    def view(number, rest, extra):
        return [number, rest, extra]

    assert client.get("/7/a/b").json == [7, "a/b", "x"]


def test_route_takes_methods_in_any_case(app, client):
    app.add_url_rule("/", "view", lambda: request.method, methods=["post", "Put"])
    assert client.post("/").text == "POST"
    assert client.put("/").text == "PUT"
    client.get("/", status=405)


def test_methods_given_as_text_are_refused(app):
    with pytest.raises(TypeError, match="list"):
        app.add_url_rule("/", "view", lambda: "x", methods="POST")


def test_view_may_name_its_methods(app, client):
    def view():
        return request.method

    view.methods = ["POST"]
    app.add_url_rule("/", view_func=view)
    assert client.post("/").text == "POST"
    client.get("/", status=405)


def test_decorator_returns_the_view(app):
    def view():
        return "x"

    assert app.route("/")(view) is view


def test_one_view_may_have_several_rules(app, client):
    @app.get("/a")
    @app.get("/b")
    def view():
        return request.endpoint

    assert client.get("/a").text == client.get("/b").text == "view"


def test_second_view_of_an_endpoint_is_refused(app):
    app.add_url_rule("/a", "view", lambda: "a")
    with pytest.raises(ValueError, match="endpoint='…'"):
        app.add_url_rule("/b", "view", lambda: "b")


def test_refused_view_leaves_no_route(app, client):
    app.add_url_rule("/a", "view", lambda: "a")
    with pytest.raises(ValueError, match="view"):
        app.add_url_rule("/b", "view", lambda: "b")
    client.get("/b", status=404)


def test_rule_without_view_and_endpoint_is_refused(app):
    with pytest.raises(ValueError, match="'/x' has neither"):
        app.add_url_rule("/x")


def test_view_of_an_endpoint_may_be_set_by_hand(app, client):
    app.add_url_rule("/", "later")
    app.view_functions["later"] = lambda: "set"
    assert client.get("/").text == "set"


def test_endpoint_with_a_dot_is_no_blueprint(app, client):
    app.register_blueprint(Blueprint("blog"))
    app.add_url_rule("/", "package.view", lambda: request.endpoint)
    assert client.get("/").text == "package.view"


def test_head_runs_the_view_without_its_body(app, client):
    calls = []
    app.add_url_rule("/", "view", lambda: calls.append(request.method) or "four")
    response = client.head("/")
    assert (response.body, response.headers["Content-Length"]) == (b"", "4")
    assert calls == ["HEAD"]


def test_head_closes_a_streamed_body(app, client):
    events = []

    @app.get("/")
    def view():
        try:
            yield "a"
            events.append("went on")
        finally:
            events.append("closed")

    assert client.head("/").body == b""
    assert events == ["closed"]


def test_options_names_the_methods_without_the_view(app, client):
    app.add_url_rule("/", "get", lambda: pytest.fail("called"))
    app.add_url_rule("/", "put", lambda: pytest.fail("called"), methods=["PUT"])
    response = client.options("/")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, PUT"
    assert (response.status_int, response.body) == (200, b"")


def test_options_may_be_answered_by_a_view(app, client):
    app.add_url_rule("/", "view", lambda: "own", methods=["OPTIONS"])
    assert client.options("/").text == "own"


def test_options_of_an_unknown_path_is_a_404(client):
    client.options("/missing", status=404)


def test_other_method_is_a_405_with_allow(app, client):
    app.add_url_rule("/", "view", lambda: "x")
    response = client.post("/", status=405)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_unknown_path_is_a_404(client):
    client.get("/missing", status=404)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_missing_slash_is_a_308_that_keeps_the_query(app, client, method):
    app.add_url_rule("/folder/", "view", lambda: "x", methods=["GET", "POST"])
    response = client.request("/folder?a=%C3%A9&b", method=method, status=308)
    assert response.headers["Location"] == "http://localhost/folder/?a=%C3%A9&b"


def test_redirects_of_slashes_keep_the_mount(app, client):
    app.add_url_rule("/folder/", "view", lambda: "x")
    response = client.get("/folder", extra_environ={"SCRIPT_NAME": "/mount"}, status=308)
    assert response.headers["Location"] == "http://localhost/mount/folder/"


def test_extra_slash_is_a_404_and_loose_slashes_are_not(app, client):
    app.add_url_rule("/strict", "strict", lambda: "x")
    app.add_url_rule("/loose/", "loose", lambda: "x", strict_slashes=False)
    client.get("/strict/", status=404)
    assert client.get("/loose").text == "x"


def test_doubled_slashes_are_merged_by_a_308(app, client):
    app.add_url_rule("/a/b", "view", lambda: "x")
    assert client.get("/a//b", status=308).headers["Location"] == "http://localhost/a/b"


@pytest.mark.parametrize("path", ["/%FF", "/%C3%28", "/%00", "/%E9t%E9", "/..%2f..%2fetc"])
def test_invalid_path_is_a_404(app, client, path):
    app.add_url_rule("/", "view", lambda: "x")
    client.get(path, status=404)


def test_empty_path_of_a_mount_is_redirected_to_its_slash(app):
    app.add_url_rule("/", "view", lambda: "root")
    environ = {**create_environ("/"), "SCRIPT_NAME": "/mount", "PATH_INFO": ""}
    started = []
    standard(app)(environ, lambda *args: started.append(args)).close()
    assert started[0][0] == "308 PERMANENT REDIRECT"
    assert ("Location", "http://localhost/mount/") in started[0][1]


@pytest.mark.parametrize("host", ["a b", "exa<mple", "a/b", "a@b", "a..b", "\x00", "[::1"])
def test_invalid_host_is_a_400(app, client, host):
    app.add_url_rule("/", "view", lambda: "x")
    client.get("/", extra_environ={"HTTP_HOST": host}, status=400)


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "[::1]:80", "10.0.0.1", "a-b.c."])
def test_valid_host_is_served(app, client, host):
    app.add_url_rule("/", "view", lambda: "x")
    assert client.get("/", extra_environ={"HTTP_HOST": host}).text == "x"


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"SERVER_NAME": "/run/app.sock", "SERVER_PORT": ""},  # HTTP/1.0 through a Unix socket
        {"SERVER_NAME": "/run/app.sock", "SERVER_PORT": "", "HTTP_HOST": ""},
    ],
    ids=["port", "socket", "empty"],
)
def test_request_without_a_host_is_served_as_by_flask(app, server):
    legacy = flask.Flask("legacy")
    for each in (app, legacy):
        each.add_url_rule("/", "view", lambda: "served")
    environ = create_environ("/")
    del environ["HTTP_HOST"]
    for application in (legacy, standard(app)):
        body = application({**environ, **server}, lambda *args: None)
        assert b"".join(body) == b"served"
        body.close()


def test_rules_of_hosts(app, client):
    app.url_map.host_matching = True
    app.add_url_rule("/", "one", lambda: "one", host="one.org")
    app.add_url_rule("/", "two", lambda name: name, host="<name>.two.org")
    assert client.get("/", extra_environ={"HTTP_HOST": "one.org"}).text == "one"
    assert client.get("/", extra_environ={"HTTP_HOST": "sub.two.org"}).text == "sub"
    client.get("/", extra_environ={"HTTP_HOST": "three.org"}, status=404)


def test_rules_of_subdomains(app, client):
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "main", lambda: "main")
    app.add_url_rule("/", "api", lambda name: name, subdomain="<name>")
    assert client.get("/", extra_environ={"HTTP_HOST": "example.org"}).text == "main"
    assert client.get("/", extra_environ={"HTTP_HOST": "api.example.org"}).text == "api"


def test_server_name_leaves_plain_rules_to_all_hosts(app, client):
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/", "main", lambda: "main")
    for host in ("example.org", "www.example.org", "example.org:8000", "10.0.0.1", "probe.x"):
        assert client.get("/", extra_environ={"HTTP_HOST": host}).text == "main"


@pytest.fixture
def legacy():
    return Legacy()


@pytest.fixture
def mixed(app, legacy):
    """An app whose other requests go to the legacy app."""
    app.fallback = legacy
    app.add_url_rule("/new", "new", lambda: "new")
    app.add_url_rule("/abort", "abort", lambda: abort(404))
    app.add_url_rule("/folder/", "folder", lambda: "folder")
    return TestApp(standard(app))


def test_fallback_is_an_argument(legacy):
    assert App("tests", fallback=legacy).fallback is legacy


def test_fallback_gets_what_no_route_matches(mixed, legacy):
    assert mixed.get("/new").text == "new"
    response = mixed.get("/old")
    assert (response.status, response.text) == ("299 Legacy", "legacy")
    assert [body.closed for body in legacy.bodies] == [1]


def test_fallback_gets_other_methods(mixed):
    assert mixed.post("/new").status == "299 Legacy"


def test_fallback_does_not_get_what_a_view_aborts(mixed, legacy):
    mixed.get("/abort", status=404)
    assert legacy.bodies == []


def test_fallback_does_not_get_redirects(mixed, legacy):
    mixed.get("/folder", status=308)
    assert legacy.bodies == []


def test_fallback_does_not_get_a_bad_host(mixed, legacy):
    mixed.get("/new", extra_environ={"HTTP_HOST": "a..b"}, status=400)
    assert legacy.bodies == []


def test_fallback_shares_session_and_g(app):
    def legacy(environ, start_response):
        session["from"] = "legacy"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{g.site} {request.path} {current_app.name}".encode()]

    app.fallback = legacy
    app.add_url_rule("/read", "read", lambda: session["from"])
    client = TestApp(standard(app, g={"site": "x"}))
    assert client.get("/old").text == "x /old tests"
    assert client.get("/read").text == "legacy"


def test_fallback_may_be_another_app_with_a_chain_of_its_own(app):
    inner = App("inner", config={**CONFIG, "SESSION_COOKIE_NAME": "inner"})
    seen = []

    @inner.get("/old")
    def old():
        session["in"] = "inner"
        return [current_app.name, request.path]

    inner.teardown_request(lambda outcome: seen.append(current_app.name))
    app.teardown_request(lambda outcome: seen.append(current_app.name))
    app.add_url_rule("/read", "read", lambda: [current_app.name, dict(session)])
    app.fallback = standard(inner)
    client = TestApp(standard(app))
    assert client.get("/old").json == ["inner", "/old"]
    assert seen == ["inner", "tests"]
    assert client.get("/read").json == ["tests", {}]
    client.get("/nowhere", status=404)


def test_without_a_pipeline_it_says_what_to_write(app):
    with pytest.raises(RuntimeError, match=r"standard\(app\)"):
        app(create_environ("/"), lambda *args: None)


def test_in_another_apps_pipeline_it_says_what_to_write(app):
    other = App("other", config=CONFIG, fallback=app)
    with pytest.raises(RuntimeError, match=r"'tests' .* of App 'other'.*\n\n.*standard\(inner_app"):
        TestApp(standard(other)).get("/")


def test_routes_work_behind_a_layer_that_hides_the_app(app):
    app.add_url_rule("/", "view", lambda: request.endpoint)

    def hidden(environ, start_response):
        return app(environ, start_response)

    assert TestApp(ContextMiddleware(hidden, current_app=app)).get("/").text == "view"


def test_config_starts_with_defaults_and_the_given_values():
    app = App("tests", config={"SECRET_KEY": "x", "lower": 1})
    assert app.config["SECRET_KEY"] == "x"
    assert app.config["SESSION_COOKIE_NAME"] == "wsgikit_session"
    assert "lower" not in app.config


def test_limits_of_the_config_reach_the_request(app, client):
    app.config.update(MAX_CONTENT_LENGTH=5, MAX_FORM_MEMORY_SIZE=3, MAX_FORM_PARTS=2)
    app.add_url_rule("/", "view", lambda: request.get_data(), methods=["POST"])
    assert client.post("/", b"12345").body == b"12345"
    client.post("/", b"123456", status=413)
    with app.test_request_context():
        assert (request.max_form_memory_size, request.max_form_parts) == (3, 2)


def test_too_many_form_parts_are_a_413(app):
    app.config["MAX_FORM_PARTS"] = 1
    standard(app)
    data = {"a": "1", "b": "2"}
    kind = "multipart/form-data"
    with (
        app.test_request_context(method="POST", data=data, content_type=kind),
        pytest.raises(RequestEntityTooLarge),
    ):
        request.form.get("a")


def test_request_class_of_the_app_is_used(app, client):
    app.request_class = type("Own", (app.request_class,), {"shout": property(lambda self: "OWN")})
    app.add_url_rule("/", "view", lambda: request.shout)
    assert client.get("/").text == "OWN"


def test_options_answer_is_of_the_apps_response_class(app, client):
    app.response_class = type("Own", (Response,), {"default_mimetype": "text/own"})
    app.add_url_rule("/", "view", lambda: "x")
    assert client.options("/").content_type == "text/own"


def test_logger_has_the_apps_name(app):
    assert app.logger is app.logger is logging.getLogger("tests")


def test_commands_of_the_app(app):
    @app.cli.command()
    def greet():
        click.echo(f"hello from {app.name}")

    result = CliRunner().invoke(app.cli, ["greet"])
    assert (result.exit_code, result.output) == (0, "hello from tests\n")


def test_app_needs_click_only_for_commands():
    code = (
        "import sys; from wsgikit import App; from wsgikit.middleware import standard; "
        "app = App('x', config={'SECRET_KEY': 'x'}); standard(app); "
        "assert 'click' not in sys.modules; app.cli; assert 'click' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_repr_names_the_app(app):
    assert repr(app) == "<App 'tests'>"


def test_app_context_has_no_request(app):
    outcomes = []
    app.teardown_appcontext(lambda outcome: outcomes.append(("first", outcome)))
    app.teardown_appcontext(lambda outcome: outcomes.append(("last", outcome)))
    with app.app_context():
        assert current_app.name == "tests"
        g.value = 1
        assert not has_request_context()
    with app.app_context():
        assert "value" not in g
    assert outcomes == [("last", None), ("first", None)] * 2


def test_app_context_tells_the_error_as_outcome(app):
    outcomes = []
    app.teardown_appcontext(outcomes.append)
    error = LookupError("x")
    with pytest.raises(LookupError), app.app_context():
        raise error
    assert outcomes == [error]


def test_teardown_of_the_app_context_runs_for_requests(app, client):
    outcomes = []
    app.teardown_appcontext(outcomes.append)
    client.get("/missing", status=404)
    assert outcomes == [None]


def test_request_context_of_a_bare_environ_has_no_session(app):
    app.add_url_rule("/<name>", "view", lambda name: name)
    with app.request_context(create_environ("/x", query_string="a=1")):
        assert (request.endpoint, request.view_args) == ("view", {"name": "x"})
        assert request.args["a"] == "1"
        with pytest.raises(RuntimeError, match="SessionMiddleware"):
            session.get("x")


def test_test_request_context_takes_environ_builder_arguments(app):
    standard(app)
    with app.test_request_context("/x?a=1", method="POST", json={"b": 2}, headers={"X-A": "3"}):
        assert (request.args["a"], request.json, request.headers["X-A"]) == ("1", {"b": 2}, "3")
        session["works"] = True


def test_test_request_context_has_the_host_of_the_config(app):
    standard(app)
    app.config.update(
        SERVER_NAME="example.org", APPLICATION_ROOT="/mount", PREFERRED_URL_SCHEME="https"
    )
    with app.test_request_context("/x"):
        assert request.url == "https://example.org/mount/x"
    with app.test_request_context("/x", base_url="http://other.org"):
        assert request.url == "http://other.org/x"


class Layer:
    def __init__(self, app):
        self.app = app


def test_app_is_found_through_layers(app):
    other = App("other")
    assert find_app(app) is app
    assert find_app(Layer(Layer(app))) is app
    assert find_app(Layer(lambda environ, start_response: [])) is None
    assert find_app(None) is None
    chosen = Layer(Layer(other))
    chosen.current_app = app
    assert find_app(chosen) is app


def test_app_is_not_looked_for_in_circles():
    layer = Layer(None)
    layer.app = Layer(layer)
    assert find_app(layer) is None


def test_before_first_request_runs_once_under_threads(app):
    calls = []
    app.before_first_request(lambda: calls.append(1))
    app.add_url_rule("/", "view", lambda: "x")
    application = standard(app)
    barrier = threading.Barrier(16)

    def visit(number):
        barrier.wait()
        return TestApp(application).get("/").text

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(visit, range(16))) == ["x"] * 16
    assert calls == [1]


def test_before_first_request_is_retried_when_it_raises(app, client):
    calls = []

    @app.before_first_request
    def good():
        calls.append("good")

    @app.before_first_request
    def flaky():
        calls.append("flaky")
        if calls.count("flaky") < 3:
            raise LookupError("not yet")

    @app.before_first_request
    def last():
        calls.append("last")

    app.add_url_rule("/", "view", lambda: "x")
    for _ in range(2):
        with pytest.raises(LookupError, match="not yet"):
            client.get("/")
    assert client.get("/").text == client.get("/").text == "x"
    assert calls == ["good", "flaky", "flaky", "flaky", "last"]


def test_no_view_runs_while_before_first_request_does(app):
    log = []
    running, reached = threading.Event(), threading.Event()

    @app.before_first_request
    def slow():
        running.set()
        log.append(("view reached", reached.wait(0.2)))

    @app.get("/")
    def view():
        reached.set()
        log.append("view")
        return "x"

    application = standard(app)
    first = threading.Thread(target=lambda: TestApp(application).get("/"))
    first.start()
    assert running.wait(5)
    TestApp(application).get("/")
    first.join()
    assert log == [("view reached", False), "view", "view"]


def test_before_first_request_may_use_the_request(app, client):
    seen = []
    app.before_first_request(lambda: seen.append((request.path, current_app.name)))
    app.add_url_rule("/", "view", lambda: "x")
    client.get("/")
    assert seen == [("/", "tests")]


def test_before_first_request_comes_before_before_request(app, client):
    log = []
    app.before_request(lambda: log.append("before"))
    app.before_first_request(lambda: log.append("first"))
    app.add_url_rule("/", "view", lambda: "x")
    client.get("/")
    client.get("/")
    assert log == ["first", "before", "before"]
