"""The app's map of rules answers as werkzeug's own, however a path is found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadHost, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule, Submount, ValidationError
from werkzeug.test import create_environ
from werkzeug.wsgi import get_host

from wsgikit import App
from wsgikit.routing import RuleMap, host_name, make_rule, match

PATHS = st.sampled_from(
    [
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/a//b",
        "//a",
        "/é",
        "/a|b",
        "/<x>",
        "/a/<x>",
        "/<path:p>",
        "/a/<int:n>",
        "/<int:n>/",
    ]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.lists(st.sampled_from(["GET", "POST", "OPTIONS"]), min_size=1, unique=True),
        "strict_slashes": st.booleans(),
        "merge_slashes": st.booleans(),
    },
)
SPECIAL = st.sampled_from(
    [
        {"build_only": True},
        {"websocket": True},
        {"redirect_to": "/a"},
        {"alias": True},
        {"subdomain": "sub"},
        {"defaults": {"n": 1}},
        {"defaults": {"x": "a"}},
    ]
)
ANY_OPTIONS = st.builds(
    lambda options, special: {**options, **special},
    OPTIONS,
    st.one_of(st.just({}), st.just({}), st.just({}), SPECIAL),
)
RULES = st.lists(st.tuples(PATHS, st.sampled_from(["one", "two"]), ANY_OPTIONS), max_size=5)
WIRE_PATHS = st.sampled_from(
    [
        "",
        "/",
        "//",
        "/a",
        "//a",
        "/a/",
        "/a//",
        "/a/b",
        "/a//b",
        "/a/1",
        "/1",
        "/1/",
        "/é".encode().decode("latin1"),
        "/é",
        "/a|b",
        "/b",
    ]
)
ENVIRONS = st.fixed_dictionaries(
    {
        "REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "get"]),
        "PATH_INFO": WIRE_PATHS,
        "SCRIPT_NAME": st.sampled_from(["", "/app"]),
        "QUERY_STRING": st.sampled_from(["", "q=1"]),
        "SERVER_NAME": st.just("localhost"),
        "SERVER_PORT": st.just("80"),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
        "HTTP_HOST": st.sampled_from(["example.org", "EXAMPLE.org:80"] * 4 + ["bad host", "é", ""]),
    },
    optional={"HTTP_UPGRADE": st.just("websocket"), "HTTP_CONNECTION": st.just("Upgrade")},
)


def add_all(url_map, rules):
    for path, endpoint, options in rules:
        try:
            url_map.add(make_rule(path, endpoint, None, dict(options)))
        except (LookupError, ValueError):
            continue  # werkzeug refuses it


def plain_answer(url_map, environ):
    def adapter():
        if environ.get("HTTP_HOST") and not get_host(environ):
            raise BadHost
        return url_map.bind_to_environ(environ)

    return match(adapter)


def described(find):
    try:
        route = find()
    except AssertionError as error:  # werkzeug's, of an alias without a canonical rule
        return str(error)
    except LookupError as error:  # BuildError, of the same
        return type(error)
    rule, error = route.rule, route.error
    return (
        rule and (rule.rule, rule.endpoint, sorted(rule.methods), rule.defaults),
        dict(route.view_args),
        type(error),
        getattr(error, "new_url", None),
        sorted(getattr(error, "valid_methods", None) or ()),
    )


@settings(max_examples=300, deadline=None)
@given(RULES, RULES, st.lists(ENVIRONS, min_size=1, max_size=4), st.booleans())
def test_answers_are_those_of_a_plain_map(rules, later, environs, redirect_defaults):
    app, plain = App("x"), Map()
    app.url_map.redirect_defaults = plain.redirect_defaults = redirect_defaults
    for added in (rules, later):  # rules may come after requests
        add_all(plain, added)
        add_all(app.url_map, added)
        for environ in environs:
            ours = described(lambda e=environ: app.request_context(e).route)
            assert ours == described(lambda e=environ: plain_answer(plain, e))


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("//a", [("//a", "one", {"merge_slashes": False}), ("/a", "two", {})]),
        ("/a/b", [("/a//b", "one", {})]),
        ("/a//b", [("/a//b", "one", {})]),
        ("/a//b", [("/a//b", "one", {"merge_slashes": False})]),
        ("/a/b", [("/a//b", "one", {"merge_slashes": False})]),
        ("/é", [("/é", "one", {})]),
        ("/a", [("/a", "one", {"websocket": True}), ("/a", "two", {})]),
        ("/a", [("/a", "one", {"redirect_to": "/b"}), ("/a", "two", {})]),
        ("/b", [("/a", "one", {}), ("/b", "one", {"alias": True})]),
        ("/a", [("/a", "one", {"build_only": True}), ("/a", "two", {})]),
        ("/a/b", [("/a", "one", {"defaults": {"n": 1}}), ("/a/b", "one", {"defaults": {"n": 1}})]),
        ("/a", [("/a", "one", {"defaults": {"n": 1}})]),
        ("/a", [("/a", "one", {}), ("/a", "one", {"subdomain": "sub"})]),
        ("/a", [("/<x>", "two", {}), ("/a", "one", {"methods": ["POST"]})]),
        ("/", [("/", "one", {"methods": ["POST"]})]),
        ("", [("/", "one", {"methods": ["POST"]})]),
    ],
)
def test_what_only_werkzeug_decides(path, rules):
    app, plain, environ = App("x"), Map(), create_environ("/")
    environ["PATH_INFO"] = path
    add_all(app.url_map, rules)
    add_all(plain, rules)
    ours = described(lambda: app.request_context(environ).route)
    assert ours == described(lambda: plain_answer(plain, environ))


@pytest.mark.parametrize(("path", "error"), [("/row/9", NotFound), ("/post", MethodNotAllowed)])
def test_path_without_an_answer_is_matched_once(path, error):
    asked = []

    class Row(BaseConverter):
        def to_python(self, value):
            asked.append(value)
            raise ValidationError

    app = App("x")
    app.url_map.converters["row"] = Row
    app.add_url_rule("/row/<row:row>", "row")
    app.add_url_rule("/post", "post", methods=["POST"])
    context = app.request_context(create_environ(path))
    assert type(context.route.error) is error
    assert context._url_adapter is None
    assert len(asked) < 2


def test_function_that_redirects_is_called_once_and_knows_the_request():
    asked = []

    def new(adapter, **values):
        asked.append((adapter.server_name, values))
        return "/new"

    app = App("x")
    app.url_map.add(Rule("/old/<int:n>", endpoint="old", redirect_to=new))
    route = app.request_context(create_environ("/old/7", "http://example.org")).route
    assert route.error.new_url == "http://example.org/new"
    assert asked == [("example.org", {"n": 7})]


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


def test_default_subdomain_makes_the_host_count():
    url_map, werkzeugs = RuleMap(), Map()
    for each in (url_map, werkzeugs):
        each.default_subdomain = "www"
        each.add(Rule("/<name>", endpoint="page", subdomain=""))
        each.add(Rule("/", endpoint="home", subdomain=""))
    assert url_map.find("/ada", "GET") is url_map.find("/", "GET") is None
    environ = create_environ("/ada", "http://example.org/")
    assert url_map.bind_request(environ, None).match() == ("page", {"name": "ada"})
    assert werkzeugs.bind_to_environ(environ).match() == ("page", {"name": "ada"})


def test_rule_added_by_another_thread_while_routes_are_found():
    class Interrupted(RuleMap):
        """Its routes by path are thrown away right after they were kept."""

        is_late = False

        @property
        def _by_path(self):
            return self.kept

        @_by_path.setter
        def _by_path(self, routes):
            self.kept = routes
            if routes is not None and not self.is_late:
                self.is_late = True
                self.add(Rule("/late", endpoint="late", methods=["GET"]))

    url_map = Interrupted()
    url_map.add(Rule("/", endpoint="home", methods=["GET"]))
    assert url_map.find("/", "GET").endpoint == "home"
    assert url_map.find("/late", "GET").endpoint == "late"
