"""ProxyMiddleware: whose headers are believed, and what becomes of the environ."""

import json
import logging

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.middleware.proxy_fix import ProxyFix

from wsgikit import Pipeline, Request
from wsgikit.environ import PEER, PROXY_ORIGINAL, TRUSTED_PEER
from wsgikit.errors import ConfigurationError
from wsgikit.middleware import (
    AccessLogMiddleware,
    HostMiddleware,
    MetricsMiddleware,
    ProxyMiddleware,
    RequestIDMiddleware,
)

PROXY, CLIENT = "10.0.0.1", "203.0.113.9"
ALL = [f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Port", "Prefix")] + ["Forwarded"]
SAID = {"HTTP_X_FORWARDED_FOR": CLIENT, "HTTP_X_FORWARDED_PROTO": "https"}


class Echo:
    """Keeps the environ of each request."""

    def __init__(self):
        self.environs = []

    def __call__(self, environ, start_response):
        self.environs.append(dict(environ))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"seen"]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def see(echo, serve):
    """What the app gets of a request, behind a ProxyMiddleware with these options."""

    def see(sent=SAID, peer=PROXY, trusted=("10.0.0.0/8",), **options):
        application = ProxyMiddleware(echo, trusted=trusted, **options)
        answer = serve(application, REMOTE_ADDR=peer, HTTP_HOST="example.org", **sent)
        assert answer.status == "200 OK", answer.body
        return echo.environs[-1]

    return see


def test_trusted_proxy_is_believed(see):
    environ = see()
    request = Request(environ)
    assert (request.remote_addr, request.access_route) == (CLIENT, [CLIENT])
    assert (request.scheme, request.is_secure, request.url) == (
        "https",
        True,
        "https://example.org/",
    )
    assert (environ[PEER], environ[TRUSTED_PEER]) == (PROXY, True)


def test_anybody_else_is_not(see):
    environ = see(peer="198.51.100.7")
    assert environ["REMOTE_ADDR"] == "198.51.100.7"
    assert environ["wsgi.url_scheme"] == "http"
    assert not environ.keys() & SAID.keys()
    assert (environ[PEER], environ[TRUSTED_PEER]) == ("198.51.100.7", False)


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "", PROXY])
def test_nobody_is_trusted_unless_named(peer, see):
    environ = see(peer=peer, trusted=())
    assert (environ["REMOTE_ADDR"], environ[TRUSTED_PEER]) == (peer, False)
    assert environ["wsgi.url_scheme"] == "http"


def test_peers_on_a_unix_socket_are_trusted_by_name(see):
    environ = see(peer="", trusted=["unix"])
    assert (environ["REMOTE_ADDR"], environ[PEER]) == (CLIENT, "")


def test_hidden_client_is_no_peer_on_a_unix_socket(see):
    environ = see({"HTTP_X_FORWARDED_FOR": "6.6.6.6, unknown"}, peer="", trusted=["unix"])
    assert environ["REMOTE_ADDR"] == ""
    assert "HTTP_X_FORWARDED_FOR" not in environ


def test_server_that_gives_no_peer_counts_as_a_unix_socket(echo, serve):
    serve(ProxyMiddleware(echo, trusted=["unix"]), **SAID)
    serve(ProxyMiddleware(echo, trusted=["127.0.0.1"]), **SAID)
    assert [environ.get("REMOTE_ADDR") for environ in echo.environs] == [CLIENT, None]


def test_proxy_that_says_nothing_changes_nothing(see):
    environ = see({"HTTP_X_OTHER": "kept"})
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (PROXY, "http")
    assert (environ["HTTP_HOST"], environ["HTTP_X_OTHER"]) == ("example.org", "kept")
    assert environ[PROXY_ORIGINAL] == {}


def test_headers_that_the_proxies_do_not_set_are_taken_out(see):
    sent_on = {
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PREFIX": "/evil",
        "HTTP_X_FORWARDED_PORT": "8443",
        "HTTP_FORWARDED": "for=6.6.6.6;host=evil.example",
        "HTTP_X_REAL_IP": "6.6.6.6",
        "HTTP_X_FORWARDED_USER": "admin",
    }
    assert see({**SAID, **sent_on}).keys() == see().keys()
    assert Request(see({**SAID, **sent_on})).url == "https://example.org/"


def test_all_headers_can_be_believed(see):
    headers = {
        "HTTP_X_FORWARDED_FOR": f"6.6.6.6, {CLIENT}, 10.0.0.2",
        "HTTP_X_FORWARDED_PROTO": "http, https, http",
        "HTTP_X_FORWARDED_HOST": "evil.example, www.example.org, inside",
        "HTTP_X_FORWARDED_PORT": "1, 8443, 80",
        "HTTP_X_FORWARDED_PREFIX": "/evil, /site, /",
    }
    environ = see(headers, headers=ALL)
    request = Request(environ)
    assert request.url == "https://www.example.org:8443/site/"
    assert (request.remote_addr, request.access_route) == (CLIENT, [CLIENT])
    assert environ["SCRIPT_NAME"] == "/site"
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"
    assert environ["HTTP_X_FORWARDED_HOST"] == "www.example.org:8443"
    assert environ["HTTP_X_FORWARDED_PREFIX"] == "/site"
    assert "HTTP_X_FORWARDED_PORT" not in environ


def test_forwarded_can_be_believed(see):
    value = f'for=6.6.6.6;host=evil.example, for="{CLIENT}:80";proto=https;host=www.example.org'
    environ = see({"HTTP_FORWARDED": value}, headers=["Forwarded"])
    assert Request(environ).url == "https://www.example.org/"
    assert environ["REMOTE_ADDR"] == CLIENT
    assert "HTTP_FORWARDED" not in environ


def test_header_of_the_proxys_own_passes_from_the_proxy_alone(see):
    headers = {"HTTP_X_FORWARDED_USER": "ada", "HTTP_X_AUTH": "yes"}
    names = ["X-Forwarded-User", "x-auth"]
    assert see(headers, headers=names).items() >= headers.items()
    assert not see(headers, headers=names, peer="198.51.100.7").keys() & headers.keys()


def test_reader_inside_comes_to_the_same_answer(echo, serve):
    headers = {**SAID, "HTTP_X_FORWARDED_FOR": f"6.6.6.6, {CLIENT}, 10.0.0.2"}
    headers |= {"HTTP_X_FORWARDED_HOST": "www.example.org", "HTTP_X_FORWARDED_PREFIX": "/site"}
    inner = ProxyFix(echo, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    for app in (echo, inner):
        serve(
            ProxyMiddleware(app, trusted=["10.0.0.0/8"], headers=ALL), REMOTE_ADDR=PROXY, **headers
        )
    first, second = (Request(environ) for environ in echo.environs)
    assert (first.url, first.access_route) == (second.url, second.access_route)
    assert first.url == "https://www.example.org/site/"


def test_what_was_there_before_is_kept(see):
    environ = see({**SAID, "HTTP_X_REAL_IP": "6.6.6.6", "REMOTE_PORT": "4711"})
    assert environ[PROXY_ORIGINAL] == {
        **SAID,
        "HTTP_X_REAL_IP": "6.6.6.6",
        "REMOTE_ADDR": PROXY,
        "REMOTE_PORT": "4711",
        "wsgi.url_scheme": "http",
    }
    assert "REMOTE_PORT" not in environ


def test_port_of_the_peer_stays_where_the_address_does(see):
    environ = see({"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_PORT": "4711"})
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (PROXY, "4711")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"HTTP_X_FORWARDED_FOR": "nonsense"}, "X-Forwarded-For holds no IP address"),
        ({"HTTP_FORWARDED": 'for="1.2.3.4'}, "The header Forwarded is malformed."),
        ({**SAID, "HTTP_FORWARDED": "for=6.6.6.6"}, "contradict each other"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_cannot_be_believed_gets_400(headers, text, method, echo, serve, caplog):
    application = ProxyMiddleware(echo, trusted=[PROXY], headers=ALL)
    answer = serve(application, REMOTE_ADDR=PROXY, REQUEST_METHOD=method, **headers)
    assert answer.status == "400 BAD REQUEST"
    assert dict(answer.headers)["Content-Type"] == "text/plain; charset=utf-8"
    assert (text in answer.body.decode()) is (method == "GET")
    assert echo.environs == []
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wsgikit.proxy", logging.WARNING)
    assert text in record.message
    assert PROXY in record.message


@pytest.fixture
def registry():
    return CollectorRegistry()


def in_a_pipeline(app, registry):
    return (
        Pipeline()
        .use(ProxyMiddleware, trusted=[PROXY])
        .use(RequestIDMiddleware)
        .use(AccessLogMiddleware, format="json")
        .use(MetricsMiddleware, registry=registry, allowed=[PROXY])
        .use(HostMiddleware, trusted=["example.org"])
        .run(app)
    )


def by_hand(app, registry):
    inner = HostMiddleware(app, trusted=["example.org"])
    inner = MetricsMiddleware(inner, registry=registry, allowed=[PROXY])
    inner = RequestIDMiddleware(AccessLogMiddleware(inner, format="json"))
    return ProxyMiddleware(inner, trusted=[PROXY])


@pytest.mark.parametrize("build", [in_a_pipeline, by_hand])
@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_refusal_is_named_logged_and_counted(build, path, echo, registry, serve, caplog):
    caplog.set_level(logging.INFO)
    application = build(echo, registry)
    sent = {"HTTP_X_FORWARDED_FOR": "nonsense", "HTTP_X_REQUEST_ID": "given", "PATH_INFO": path}
    answer = serve(application, REMOTE_ADDR=PROXY, HTTP_HOST="example.org", **sent)
    assert answer.status == "400 BAD REQUEST"
    assert ("X-Request-ID", "given") in answer.headers
    refusal, access = caplog.records
    assert (refusal.name, refusal.request_id) == ("wsgikit.proxy", "given")
    line = json.loads(access.message)
    assert (line["status"], line["client"], line["request_id"]) == (400, PROXY, "given")
    assert line["bytes"] == len(answer.body)
    labels = {"method": "GET", "rule": "(none)", "status": "400"}
    assert registry.get_sample_value("http_requests_total", labels) == 1
    assert registry.get_sample_value("http_requests_in_flight", {"method": "GET"}) == 0
    assert echo.environs == []


def test_request_after_a_refusal_reaches_the_app(echo, registry, serve, caplog):
    caplog.set_level(logging.INFO, "wsgikit.access")
    application = by_hand(echo, registry)
    host = {"REMOTE_ADDR": PROXY, "HTTP_HOST": "example.org"}
    assert serve(application, **host, HTTP_X_FORWARDED_FOR="nonsense").status[:3] == "400"
    assert serve(application, **host, **SAID).body == b"seen"
    statuses = [json.loads(each.message)["status"] for each in caplog.records[-2:]]
    assert statuses == [400, 200]


def test_from_anybody_else_it_is_taken_out_and_answered(see):
    assert see({"HTTP_X_FORWARDED_FOR": "nonsense", "HTTP_FORWARDED": '"'}, "198.51.100.7")


@pytest.mark.parametrize("outer", [ProxyFix, ProxyMiddleware])
def test_environ_that_was_corrected_outside_is_left_alone(outer, echo, serve, caplog):
    options = {"trusted": [PROXY]} if outer is ProxyMiddleware else {}
    application = outer(ProxyMiddleware(echo, trusted=["0.0.0.0/0"]), **options)
    for _ in range(3):
        serve(application, REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=f"6.6.6.6, {CLIENT}")
    assert {environ["REMOTE_ADDR"] for environ in echo.environs} == {CLIENT}
    assert {environ.get(TRUSTED_PEER) for environ in echo.environs} <= {True, None}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "Take out one of the two" in record.message


def test_one_text_is_no_list_of_headers():
    with pytest.raises(ConfigurationError, match=r"Write \['Forwarded'\]"):
        ProxyMiddleware(None, headers="Forwarded")


def test_what_is_no_network_is_refused():
    with pytest.raises(ConfigurationError, match="no address or network"):
        ProxyMiddleware(None, trusted=["nginx"])
