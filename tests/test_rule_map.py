"""RuleMap gives werkzeug's answers, with fewer steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadHost
from werkzeug.routing import Map, Rule, Submount
from werkzeug.test import create_environ

from wsgikit import App, request
from wsgikit.middleware import standard
from wsgikit.routing import RuleMap, host_name, match

PATHS = ["/", "/a", "/a/", "/a/b", "/a//b", "//a", "/<x>", "/<int:x>", "/a/<x>", "/<x>/b", "/ä"]
ASKED = [*PATHS[:6], "", "/b", "/1", "/a/1", "/1/b", "/a/b/", "//b", "/\xc3\xa4", "/GET"]
METHODS = ["GET", "POST", "HEAD", "OPTIONS", "get"]

options = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.sampled_from([["GET"], ["POST"], ["GET", "POST"], None]),
        "strict_slashes": st.booleans(),
        "merge_slashes": st.booleans(),
        "defaults": st.sampled_from([{"x": 1}, {"y": 2}]),
        "redirect_to": st.just("/b"),
        "alias": st.just(True),
        "build_only": st.just(True),
        "websocket": st.just(True),
        "subdomain": st.just("sub"),
    },
)
rules = st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from("pqr"), options), max_size=6)


def answer(route):
    error = route.error
    where = getattr(error, "new_url", None)
    allowed = sorted(getattr(error, "valid_methods", None) or ())
    endpoint = route.rule and (route.rule.endpoint, route.rule.rule, route.rule.methods)
    return endpoint, route.view_args, type(error), where, allowed


@given(rules, st.sampled_from(ASKED), st.sampled_from(METHODS), st.booleans())
def test_what_is_found_is_what_werkzeug_finds(made, path, method, upgrade):
    ours, theirs = App("ours"), Map()
    for rule, endpoint, given_options in made:
        if "POST" in (given_options.get("methods") or ()):
            given_options.pop("websocket", None)  # werkzeug refuses that
        for url_map in (ours.url_map, theirs):
            url_map.add(Rule(rule, endpoint=endpoint, **given_options))
    environ = {**create_environ("/", method=method), "PATH_INFO": path, "QUERY_STRING": "q=1"}
    if upgrade:
        environ.update(HTTP_UPGRADE="websocket", HTTP_CONNECTION="upgrade")
    route = ours.request_context(environ).route
    assert answer(route) == answer(match(lambda: theirs.bind_to_environ(environ)))


def test_rule_that_is_added_later_is_found():
    url_map = RuleMap()
    url_map.add(Rule("/a", endpoint="a", methods=["GET"]))
    assert url_map.find("/a", "GET").endpoint == "a"
    url_map.add(Submount("/b", [Rule("/c", endpoint="c", methods=["GET"])]))
    assert url_map.find("/b/c", "GET").endpoint == "c"


def test_path_without_arguments_is_one_route_for_all_requests():
    url_map = RuleMap()
    url_map.add(Rule("/a", endpoint="a", methods=["GET"]))
    assert url_map.find("/a", "GET") is url_map.find("/a", "GET")


def test_hosts_that_are_matched_are_left_to_werkzeug():
    url_map = RuleMap()
    url_map.host_matching = True
    url_map.add(Rule("/a", endpoint="a", host="example.org", methods=["GET"]))
    assert url_map.find("/a", "GET") is None
    environ = create_environ("/a", "http://example.org")
    assert url_map.bind_request(environ, None).match()[0] == "a"


def test_redirects_between_defaults_can_be_switched_off():
    url_map = RuleMap()
    url_map.redirect_defaults = False
    url_map.add(Rule("/all/", endpoint="all", defaults={"page": 1}))
    url_map.add(Rule("/all/<int:page>", endpoint="all"))
    assert url_map.find("/all/1", "GET").view_args == {"page": 1}


@pytest.mark.parametrize(
    ("scheme", "host", "name"),
    [
        ("http", "Example.org:8000", "example.org:8000"),
        ("http", "example.org:80", "example.org"),
        ("https", "example.org:443", "example.org"),
        ("http", "exa mple.org", ""),
        ("http", "a" * 64 + ".org", ""),
    ],
)
def test_host_name(scheme, host, name):
    assert host_name(scheme, host) == name


def test_invalid_host_is_the_error_of_every_route():
    app = App("app")
    app.add_url_rule("/a", "a", lambda: "")
    app.add_url_rule("/<x>", "x", lambda x: x)
    for path in ("/a", "/b"):
        environ = {**create_environ(path), "HTTP_HOST": "exa mple.org"}
        assert isinstance(app.request_context(environ).route.error, BadHost)


def test_arguments_of_one_request_are_not_those_of_another():
    app = App("app", config={"SECRET_KEY": "a key for tests"})

    @app.before_request
    def note():
        request.view_args["noted"] = request.view_args.get("noted", 0) + 1

    app.add_url_rule("/a", "a", lambda **arguments: str(sorted(arguments)))
    application = standard(app)
    for _ in range(2):
        body = application(create_environ("/a"), lambda *_: None)
        assert b"".join(body) == b"[]"
        body.close()
