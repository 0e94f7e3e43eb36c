"""HTTPSMiddleware: the redirect, HSTS, and Secure on cookies."""

from datetime import timedelta

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.middleware import HTTPSMiddleware

HSTS = "Strict-Transport-Security"
YEAR = 31536000


@pytest.fixture
def ask(serve):
    """Ask an app that sends these headers, by this scheme."""

    def ask(scheme, headers=(), options=None, **values):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), *headers])
            return [b"served"]

        environ = {"wsgi.url_scheme": scheme, "HTTP_HOST": "example.org", **values}
        return serve(HTTPSMiddleware(app, **(options or {})), **environ)

    return ask


def values_of(answer, name):
    return [value for each, value in answer.headers if each.lower() == name.lower()]


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("GET", "301 MOVED PERMANENTLY"),
        ("HEAD", "301 MOVED PERMANENTLY"),
        ("POST", "307 TEMPORARY REDIRECT"),
        ("PUT", "307 TEMPORARY REDIRECT"),
        ("OPTIONS", "307 TEMPORARY REDIRECT"),
    ],
)
def test_http_is_redirected(method, status, ask):
    answer = ask("http", REQUEST_METHOD=method, PATH_INFO="/a")
    assert (answer.status, answer.body) == (status, b"")
    assert values_of(answer, "Location") == ["https://example.org/a"]
    assert values_of(answer, HSTS) == []  # RFC 6797, section 7.2


@pytest.mark.parametrize(
    ("environ", "location"),
    [
        ({}, "https://example.org/"),
        ({"HTTP_HOST": "Example.org:8000"}, "https://example.org/"),
        ({"HTTP_HOST": "[2001:db8::1]:80"}, "https://[2001:db8::1]/"),
        ({"PATH_INFO": "/a b", "QUERY_STRING": "c=d&e=%20"}, "https://example.org/a%20b?c=d&e=%20"),
        ({"SCRIPT_NAME": "/site", "PATH_INFO": ""}, "https://example.org/site"),
        ({"SCRIPT_NAME": "/site", "PATH_INFO": "/a"}, "https://example.org/site/a"),
        ({"PATH_INFO": "/b\xc3\xbccher"}, "https://example.org/b%C3%BCcher"),
        ({"PATH_INFO": "/100%?#"}, "https://example.org/100%25%3F%23"),
        ({"PATH_INFO": "//evil.example/"}, "https://example.org//evil.example/"),
        ({"PATH_INFO": "/\r\nX-Evil: 1"}, "https://example.org/%0D%0AX-Evil:%201"),
        ({"QUERY_STRING": "a\r\nX-Evil: 1"}, "https://example.org/?a%0D%0AX-Evil:%201"),
        ({"QUERY_STRING": "\xfc"}, "https://example.org/?%FC"),
        ({"PATH_INFO": ""}, "https://example.org/"),
        ({"PATH_INFO": "*", "REQUEST_METHOD": "OPTIONS"}, "https://example.org/*"),
        ({"PATH_INFO": ".evil.example/"}, "https://example.org/.evil.example/"),
        ({"PATH_INFO": "@evil.example/"}, "https://example.org/@evil.example/"),
    ],
    ids=repr,
)
def test_redirect_stays_on_the_host_that_was_asked_for(environ, location, ask):
    assert values_of(ask("http", **environ), "Location") == [location]


@pytest.mark.parametrize(
    "host", ["", "evil.example/", "a@b", "a\r\nX-Evil: 1", "a b", "example.org, b"]
)
def test_request_without_a_proper_host_gets_400(host, ask):
    answer = ask("http", HTTP_HOST=host)
    assert (answer.status, answer.body) == ("400 BAD REQUEST", b"The request names no host.\n")
    assert values_of(answer, "Location") == []


def test_excluded_path_is_served_by_http(ask):
    options = {"exclude": ["/.well-known/acme-challenge/x"]}
    answer = ask("http", options=options, PATH_INFO="/.well-known/acme-challenge/x")
    assert (answer.body, values_of(answer, HSTS)) == (b"served", [])
    assert ask("http", options=options).status == "301 MOVED PERMANENTLY"


def test_without_redirect_http_reaches_the_app_unchanged(ask):
    answer = ask("http", [("Set-Cookie", "a=b")], {"redirect": False})
    assert answer.headers == [("Content-Type", "text/plain"), ("Set-Cookie", "a=b")]
    assert answer.body == b"served"


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, f"max-age={YEAR}"),
        ({"hsts_max_age": 60}, "max-age=60"),
        ({"hsts_max_age": timedelta(days=1)}, "max-age=86400"),
        ({"hsts_max_age": 0}, "max-age=0"),
        ({"include_subdomains": True}, f"max-age={YEAR}; includeSubDomains"),
        (
            {"include_subdomains": True, "preload": True, "hsts_max_age": 2 * YEAR},
            f"max-age={2 * YEAR}; includeSubDomains; preload",
        ),
    ],
)
def test_https_response_tells_browsers_to_stay(options, value, ask):
    answer = ask("https", options=options)
    assert (answer.body, values_of(answer, HSTS)) == (b"served", [value])


def test_none_sends_no_header(ask):
    assert values_of(ask("https", options={"hsts_max_age": None}), HSTS) == []


def test_header_of_the_apps_own_is_kept(ask):
    answer = ask("https", [("strict-transport-security", "max-age=5")])
    assert values_of(answer, HSTS) == ["max-age=5"]


@pytest.mark.parametrize(
    ("cookie", "sent"),
    [
        ("a=b", "a=b; Secure"),
        ("a=b; Path=/", "a=b; Path=/; Secure"),
        ("a=b; Secure; Path=/", "a=b; Secure; Path=/"),
        ("a=b;secure", "a=b;secure"),
        ("a=b;  SECURE ", "a=b;  SECURE "),
        ("secure=b", "secure=b; Secure"),
        ("secure", "secure; Secure"),  # a cookie without a name
        ("a=secure", "a=secure; Secure"),
        ("a=b; Path=/secure", "a=b; Path=/secure; Secure"),
    ],
)
def test_cookie_by_https_is_kept_there(cookie, sent, ask):
    answer = ask("https", [("Set-Cookie", cookie), ("set-cookie", "c=d"), ("X-Other", "a=b")])
    assert values_of(answer, "Set-Cookie") == [sent, "c=d; Secure"]
    assert values_of(answer, "X-Other") == ["a=b"]


@pytest.mark.parametrize(
    "options",
    [
        {"hsts_max_age": -1},
        {"hsts_max_age": float("inf")},
        {"hsts_max_age": float("nan")},
        {"hsts_max_age": "300"},
        {"hsts_max_age": timedelta(days=-1)},
        {"preload": True},
        {"preload": True, "hsts_max_age": None},
        {"preload": True, "include_subdomains": True, "hsts_max_age": YEAR - 1},
        {"exclude": "/a"},
    ],
)
def test_options_that_cannot_work_are_refused(options):
    with pytest.raises(ConfigurationError, match=r"\n\n"):
        HTTPSMiddleware(None, **options)
