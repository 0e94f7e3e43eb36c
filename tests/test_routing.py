"""What the router found for one request."""

import pytest
from webtest import TestApp
from werkzeug.exceptions import BadHost, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from wsgikit import App, Blueprint, request
from wsgikit.middleware import standard
from wsgikit.routing import NO_ROUTE, Route, match

RULES = Map([Rule("/user/<int:id>/", endpoint="user", methods=["GET"])])


def find(path, method="GET"):
    return match(lambda: RULES.bind("localhost", path_info=path, default_method=method))


@pytest.mark.parametrize(
    ("endpoint", "blueprints"),
    [("index", []), ("blog.index", ["blog"]), ("a.b.c.index", ["a.b.c", "a.b", "a"])],
)
def test_blueprints_are_named_innermost_first(endpoint, blueprints):
    route = Route(Rule("/", endpoint=endpoint))
    assert route.endpoint == endpoint
    assert route.blueprints == blueprints


def test_no_route_has_nothing():
    assert NO_ROUTE == (None, {}, None)
    assert NO_ROUTE.endpoint is None
    assert NO_ROUTE.blueprints == []


def test_match_gives_rule_and_arguments():
    route = find("/user/7/")
    assert (route.endpoint, route.view_args, route.error) == ("user", {"id": 7}, None)


@pytest.mark.parametrize(
    ("path", "method", "error"),
    [
        ("/nothing", "GET", NotFound),
        ("/user/x/", "GET", NotFound),
        ("/user/7/", "POST", MethodNotAllowed),
        ("/user/7", "GET", RequestRedirect),
    ],
)
def test_match_keeps_the_error(path, method, error):
    route = find(path, method)
    assert type(route.error) is error
    assert (route.rule, route.view_args, route.blueprints) == (None, {}, [])


def test_match_keeps_the_error_of_a_bad_host():
    def adapter():
        raise BadHost

    assert isinstance(match(adapter).error, BadHost)


def test_match_lets_other_errors_through():
    def adapter():
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        match(adapter)


def test_views_cannot_share_arguments_by_a_default():
    first = find("/user/1/")
    first.view_args["added"] = True
    assert find("/user/1/").view_args == {"id": 1}


def _answer(app, path):
    return TestApp(standard(app)).get(path).text


def test_hook_gives_the_view_an_argument():
    app = App("x", config={"SECRET_KEY": "s" * 32})
    app.before_request(lambda: request.view_args.update(name="from the hook"))
    app.add_url_rule("/", "index", lambda name="": name)
    assert _answer(app, "/") == "from the hook"


def test_hook_of_a_blueprint_gives_the_view_an_argument():
    app = App("x", config={"SECRET_KEY": "s" * 32})
    blog = Blueprint("blog")
    blog.before_request(lambda: request.view_args.update(name="from the hook"))
    blog.add_url_rule("/", "index", lambda name="": name)
    app.register_blueprint(blog)
    assert _answer(app, "/") == "from the hook"


def test_arguments_that_a_hook_wrote_are_not_the_next_requests():
    app = App("x", config={"SECRET_KEY": "s" * 32})
    app.before_request(lambda: request.view_args.setdefault(request.method, "1") and None)
    app.add_url_rule("/a", "a", lambda **given: given, methods=["GET", "PUT"])
    app.add_url_rule("/b", "b", lambda **given: given)
    client = TestApp(standard(app))
    assert client.put("/a").json == {"PUT": "1"}
    assert [client.get(path).json for path in ("/a", "/b")] == [{"GET": "1"}, {"GET": "1"}]


def test_moved_request_has_arguments_of_its_own():
    app = App("x", config={"SECRET_KEY": "s" * 32})
    app.add_url_rule("/b", "b", lambda: str(request.view_args))
    app.add_url_rule("/c", "c", lambda: str(request.view_args.update(n=1)))
    client = TestApp(standard(rewriting(app), current_app=app))
    assert [client.get(path).text for path in ("/to/c", "/to/b")] == ["None", "{}"]


def rewriting(app):
    def layer(environ, start_response):
        request.args  # noqa: B018 - made before the path is another
        return app(
            {**environ, "PATH_INFO": environ["PATH_INFO"].removeprefix("/to")}, start_response
        )

    return layer
