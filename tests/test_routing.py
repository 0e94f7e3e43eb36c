"""What the router found for one request."""

import pytest
from werkzeug.exceptions import BadHost, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

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
