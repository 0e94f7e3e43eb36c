"""current_app, g, request and session: what they point to, and what they say when nothing."""

import pytest
from werkzeug.local import LocalProxy
from werkzeug.test import create_environ

from wsgikit import App, Request, current_app, g, request, session
from wsgikit.environ import SESSION
from wsgikit.middleware import standard
from wsgikit.sessions import Session

PROXIES = {"current_app": current_app, "g": g, "request": request, "session": session}


def use(name):
    return {
        "current_app": lambda: current_app.name,
        "g": lambda: g.anything,
        "request": lambda: request.path,
        "session": lambda: session["anything"],
    }[name]


def assert_unbound(name, kind, hint):
    with pytest.raises(RuntimeError) as raised:
        use(name)()
    message = str(raised.value)
    assert f"working outside of {kind} context" in message.lower()
    assert hint in message


@pytest.mark.parametrize("name", ["current_app", "g"])
def test_outside_an_app_context_the_error_says_what_to_write(name):
    assert_unbound(name, "application", "with app.app_context():")


@pytest.mark.parametrize("name", ["request", "session"])
def test_outside_a_request_context_the_error_says_what_to_write(name):
    assert_unbound(name, "request", "with app.test_request_context():")


@pytest.mark.parametrize("name", ["request", "session"])
def test_in_an_app_context_alone_there_is_no_request(name):
    with App("app").app_context():
        assert_unbound(name, "request", "copy_current_request_context")


@pytest.mark.parametrize(
    "use",
    [
        lambda: setattr(g, "name", 1),
        lambda: "name" in g,
        lambda: g.get("name"),
        lambda: session.update(a=1),
        lambda: "a" in session,
        lambda: len(session),
        lambda: request.headers,
        lambda: current_app.config["DEBUG"],
        lambda: current_app._get_current_object(),
    ],
)
def test_outside_a_context_every_use_raises(use):
    with pytest.raises(RuntimeError, match=r"(?i)working outside of (request|application) context"):
        use()


@pytest.mark.parametrize("name", PROXIES)
def test_unbound_proxy_can_still_be_shown(name):
    assert repr(PROXIES[name]).endswith("Proxy unbound>")


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_are_werkzeugs(name):
    assert issubclass(type(PROXIES[name]), LocalProxy)


def test_each_points_to_the_object_of_the_current_context():
    app, environ = App("app"), create_environ("/here")
    environ[SESSION] = Session(lambda: None)
    with app.request_context(environ) as context:
        assert current_app._get_current_object() is app
        assert g._get_current_object() is context.g
        assert request._get_current_object() is context.request
        assert session._get_current_object() is environ[SESSION]


def test_each_passes_for_its_object():
    app, environ = App("app"), create_environ("/here")
    environ[SESSION] = Session(lambda: None)
    with app.request_context(environ):
        assert isinstance(current_app, App)
        assert isinstance(request, Request)
        assert isinstance(session, Session)


def test_writing_through_a_proxy_reaches_the_object():
    environ = create_environ()
    environ[SESSION] = there = Session(lambda: None)
    with App("app").request_context(environ) as context:
        g.name = "value"
        session["a"] = 1
        session["a"] += 1
        assert context.g.name == "value"
        assert there["a"] == 2
        del g.name, session["a"]
        assert "name" not in context.g
        assert not there


def test_app_context_gives_g_and_current_app_to_a_script():
    app = App("script")
    with app.app_context() as context:
        assert current_app._get_current_object() is app
        assert g._get_current_object() is context.g


def test_importing_all_of_the_middlewares_too_hides_no_proxy():
    names = {}
    exec("from wsgikit import *\nfrom wsgikit.middleware import *", names)
    for name, proxy in PROXIES.items():
        assert names[name] is proxy
    assert isinstance(names["ContextMiddleware"], type)


def test_attribute_that_a_session_does_not_have_is_refused(app):
    standard(app)
    with app.test_request_context():
        with pytest.raises(AttributeError, match=r"write session\['visits'\]"):
            session.visits = 1
        session.permanent = True
        assert session.permanent
