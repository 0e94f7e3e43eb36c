"""wsgikit.testing.TestApp: what it is given, and what of WebTest stays as it is."""

import importlib
import sys
from wsgiref.validate import validator

import pytest
import webtest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import wsgikit.testing
from wsgikit import App, Pipeline, g, request, session
from wsgikit.errors import ConfigurationError, MissingExtraError
from wsgikit.middleware import (
    ContextMiddleware,
    HooksMiddleware,
    SessionMiddleware,
    standard,
    standard_pipeline,
)
from wsgikit.testing import TestApp


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


@pytest.fixture
def view(app):
    @app.get("/")
    def index():
        return {"user": session.get("user"), "ip": request.remote_addr, "root": request.root_path}


def login(client):
    with client.session() as visitor:
        visitor["user"] = "ada"


def test_takes_what_standard_returned(app, view):
    client = TestApp(standard(app))
    assert client.current_app is app
    assert client.get("/").json["user"] is None


def test_takes_an_app_in_a_pipeline_and_serves_its_outermost_layer(app, view):
    pipeline = standard_pipeline(app).insert_before(ContextMiddleware, ProxyFix, x_for=1)
    pipeline.run(app)
    client = TestApp(app)
    assert client.current_app is app
    assert client.get("/", headers={"X-Forwarded-For": "1.2.3.4"}).json["ip"] == "1.2.3.4"


def test_takes_an_app_that_the_outermost_layer_hides(app, view):
    standard_pipeline(app).insert_before(ContextMiddleware, validator).run(app)
    client = TestApp(app)
    login(client)
    assert client.current_app is app
    assert client.get("/").json["user"] == "ada"


def test_takes_the_current_app_of_a_foreign_one():
    legacy = App("legacy", config={"SECRET_KEY": "test"})
    application = standard(bare, current_app=legacy)
    assert TestApp(application).current_app is legacy
    assert TestApp(legacy).get("/x").text == "/x"


def test_app_in_no_pipeline_says_what_to_write(app):
    with pytest.raises(ConfigurationError, match=r"(?s)in no pipeline.*TestApp\(standard\(app\)\)"):
        TestApp(app)


def test_application_without_an_app_says_what_to_write():
    with pytest.raises(ConfigurationError, match=r"(?s)no App.*standard\(app, current_app=App"):
        TestApp(bare)


def test_application_whose_app_is_hidden_says_what_to_write(app):
    application = validator(standard(app))
    with pytest.raises(ConfigurationError, match=r"TestApp\(application, current_app=app\)"):
        TestApp(application)
    client = TestApp(application, current_app=app)
    login(client)
    assert client.current_app is app


def test_layers_around_the_pipeline_serve_too(app, view):
    client = TestApp(ProxyFix(standard(app), x_for=1))
    login(client)
    answer = client.get("/", headers={"X-Forwarded-For": "1.2.3.4"}).json
    assert (answer["user"], answer["ip"]) == ("ada", "1.2.3.4")


def test_dispatcher_around_the_pipeline(app, view):
    client = TestApp(DispatcherMiddleware(standard(app), {"/bare": bare}))
    login(client)
    assert client.get("/").json["user"] == "ada"
    assert client.get("/bare/x").text == "/x"


def test_app_that_a_dispatcher_mounts_is_named(app, view):
    main = App("main", config={"SECRET_KEY": "another key"})
    application = DispatcherMiddleware(standard(main), {"/shop": standard(app)})
    client = TestApp(application, current_app=app)
    login(client)
    with client.context():
        assert client.get("/shop/").json == {"user": "ada", "ip": None, "root": "/shop"}
        assert session["user"] == "ada"
    assert [name for name, _ in client.captured.signals].count("request_finished") == 1


def test_app_in_two_pipelines_is_tested_in_the_one_that_was_given(app, view):
    first = standard(app, secret_key="first")
    standard(app, secret_key="second")
    client = TestApp(first)
    login(client)
    assert client.get("/").json["user"] == "ada"


def test_layers_that_lead_in_a_circle_end_somewhere(app, view):
    class Circle:
        def __init__(self, current_app):
            self.current_app = current_app
            self.app = self

        def __call__(self, environ, start_response):
            return self.current_app.entry(environ, start_response)

    standard(app)
    client = TestApp(Circle(app))
    login(client)
    assert client.get("/").json["user"] == "ada"


def test_hand_built_layers_need_no_pipeline(app, view):
    layers = ContextMiddleware(SessionMiddleware(HooksMiddleware(app), secret_key="by hand"))
    client = TestApp(layers)
    login(client)
    assert client.get("/").json["user"] == "ada"


@pytest.mark.parametrize("testing", [True, False])
def test_unhandled_error_is_raised_or_a_page_as_the_config_says(testing):
    app = App("tests", config={"SECRET_KEY": "test", "TESTING": testing})
    app.get("/")(lambda: 1 / 0)
    client = TestApp(standard(app))
    if testing:
        with pytest.raises(ZeroDivisionError):
            client.get("/")
    else:
        client.get("/", status=500)
        assert [record.levelname for record in client.captured.logs] == ["ERROR"]
    names = [name for name, _ in client.captured.signals]
    assert names.count("got_request_exception") == 1
    assert names[-1] == "appcontext_popped"


def test_options_are_those_of_webtest(app):
    app.get("/")(lambda: request.environ["REMOTE_USER"])
    jar = webtest.TestApp(bare).cookiejar
    client = TestApp(standard(app), extra_environ={"REMOTE_USER": "ada"}, lint=False, cookiejar=jar)
    assert client.get("/").text == "ada"
    assert client.cookiejar is jar
    assert not client.lint


def test_forms_cookies_and_json_work_as_in_webtest(app):
    @app.get("/")
    def form():
        return "<form method=post action=/save><input name=user value=ada></form>"

    @app.post("/save")
    def save():
        session["user"] = request.form["user"]
        return dict(session)

    client = TestApp(standard(app))
    response = client.get("/").form.submit()
    assert response.json == {"user": "ada"}
    assert list(client.cookies) == ["wsgikit_session"]
    client.reset()
    assert client.post("/save", {"user": "eve"}).test_app is client


def test_status_is_checked_as_in_webtest(app):
    client = TestApp(standard(app))
    with pytest.raises(webtest.AppError, match="404 NOT FOUND"):
        client.get("/nowhere")
    assert client.get("/nowhere", status=404).status_int == 404
    assert client.get("/nowhere", expect_errors=True).status_int == 404


@pytest.mark.parametrize("fault", ["body", "errors"])
def test_lint_is_on(app, fault):
    def faulty(environ, start_response):
        if fault == "errors":
            environ["wsgi.errors"].close()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ["text, not bytes" if fault == "body" else b"bytes"]

    app.config["TESTING"] = True
    with pytest.raises(AssertionError):
        TestApp(standard(faulty, current_app=app)).get("/")


def test_layer_that_answers_outside_the_context_is_tested_too(app):
    def gate(inner):
        def layer(environ, start_response):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"no"]

        return layer

    client = TestApp(Pipeline().use(gate).use(ContextMiddleware).run(app), current_app=app)
    assert client.get("/", status=403).text == "no"
    assert client.captured.signals == []


def test_each_kind_of_app_with_everything_at_once(chain):
    client = TestApp(chain)
    login(client)
    with client.context():
        assert client.get("/x").text == "ada"
        assert (g.path, session["user"], session["seen"]) == ("/x", "ada", 1)
    assert client.captured.signals[-1].name == "appcontext_popped"


def test_pytest_takes_the_client_for_no_test():
    assert TestApp.__test__ is False


def test_without_webtest_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "wsgikit.testing.client")
    monkeypatch.setitem(sys.modules, "webtest", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wsgikit\[testing\]'"):
        importlib.import_module("wsgikit.testing.client")


def test_package_has_nothing_else():
    with pytest.raises(AttributeError, match=r"'wsgikit\.testing' has no attribute 'TestApps'"):
        wsgikit.testing.TestApps  # noqa: B018
