"""HostMiddleware: which hosts are served."""

import logging

import pytest

from wsgikit.environ import HOST, REQUEST_ID, TRACEPARENT
from wsgikit.errors import ConfigurationError
from wsgikit.log_context import RequestIDFilter
from wsgikit.middleware import HostMiddleware, ProxyMiddleware

HOSTS = ["example.org", ".example.net", "10.0.0.0/8", "bücher.example"]


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]


@pytest.fixture
def ask(serve):
    def ask(host, debug=False, exclude=(), **values):
        layer = HostMiddleware(app, trusted=HOSTS, debug=debug, exclude=exclude)
        return serve(layer, HTTP_HOST=host, **values)

    return ask


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "Example.ORG:8000",
        "example.org.",
        "example.net",
        "a.b.example.net:443",
        "10.1.2.3:8000",
        "xn--bcher-kva.example",
    ],
)
def test_host_of_the_site_is_served(host, ask):
    assert ask(host).body == b"served"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "www.example.org",
        "evilexample.net",
        "11.0.0.1",
        "example.org@evil.example",
        "evil.example/.example.net",
        "example.org:port",
        "bücher.example",
        "",
    ],
)
def test_other_host_gets_400(host, ask, caplog):
    answer = ask(host)
    assert (answer.status, answer.body) == ("400 BAD REQUEST", b"This host is not served here.\n")
    assert dict(answer.headers)["Content-Type"] == "text/plain; charset=utf-8"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wsgikit.host", logging.ERROR)
    assert ascii(host) in record.message


def test_head_gets_400_without_a_body(ask):
    answer = ask("evil.example", REQUEST_METHOD="HEAD")
    assert (answer.status, answer.body) == ("400 BAD REQUEST", b"")


def test_missing_host_gets_400_whatever_the_servers_name_is(serve):
    layer = HostMiddleware(app, trusted=["example.org"])

    def without_host(environ, start_response):
        del environ["HTTP_HOST"]
        return layer(environ, start_response)

    answer = serve(without_host, SERVER_NAME="example.org", SERVER_PROTOCOL="HTTP/1.0")
    assert answer.status == "400 BAD REQUEST"


def test_log_line_cannot_be_forged(ask, caplog):
    ask("evil\r\nERROR all is lost\x1b[31m" + "x" * 1000)
    (record,) = caplog.records
    assert record.message.isprintable()
    assert r"evil\r\nERROR all is lost\x1b[31m" in record.message
    assert len(record.message) < 300


def test_log_line_has_the_ids_that_a_layer_outside_gave(ask, caplog):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ids = {REQUEST_ID: "given", TRACEPARENT: f"00-{trace}-00f067aa0ba902b7-01"}
    ask("evil.example", **ids)
    ask("evil.example")
    first, second = (each for each in caplog.records if RequestIDFilter().filter(each))
    assert (first.request_id, first.trace_id) == ("given", trace)
    assert (second.request_id, second.trace_id) == ("-", "-")


def test_in_debug_mode_the_answer_says_what_to_add(ask):
    answer = ask("Dev.example:8000", debug=True)
    assert answer.status == "400 BAD REQUEST"
    assert b"add 'dev.example' to HostMiddleware(trusted=[" in answer.body


@pytest.mark.parametrize("host", ["<b>dev</b>", ""])
def test_what_is_no_host_cannot_be_added(host, ask):
    assert ask(host, debug=True).body == b"This host is not served here.\n"


def test_excluded_path_is_served_to_any_host(ask):
    assert ask("10.9.8.7.evil", exclude=["/probe"], PATH_INFO="/probe").body == b"served"
    assert ask("10.9.8.7.evil", exclude=["/probe"], PATH_INFO="/").status == "400 BAD REQUEST"


def test_function_can_exclude(ask):
    def is_probe(environ):
        return environ.get("HTTP_USER_AGENT") == "kube-probe"

    assert ask("192.0.2.1", exclude=is_probe, HTTP_USER_AGENT="kube-probe").body == b"served"
    assert ask("192.0.2.1", exclude=is_probe).status == "400 BAD REQUEST"


@pytest.mark.parametrize(("forwarded", "status"), [("example.org", "200"), ("evil.example", "400")])
def test_forwarded_host_is_what_is_checked(forwarded, status, serve):
    inner = HostMiddleware(app, trusted=["example.org"])
    layer = ProxyMiddleware(inner, trusted=["unix"], headers=["X-Forwarded-Host"])
    answer = serve(layer, HTTP_HOST="inside", HTTP_X_FORWARDED_HOST=forwarded)
    assert answer.status.startswith(status)


@pytest.mark.parametrize("trusted", [[], "example.org", ["*"], ["http://example.org"]])
def test_what_is_no_list_of_hosts_is_refused(trusted):
    with pytest.raises(ConfigurationError):
        HostMiddleware(app, trusted=trusted)


def test_name_is_handed_on(serve):
    names = []

    def keep(environ, start_response):
        names.append(environ.get(HOST))
        return app(environ, start_response)

    layer = HostMiddleware(keep, trusted=["example.org"], exclude=["/any"])
    serve(layer, HTTP_HOST="Example.org.:80")
    serve(layer, HTTP_HOST="other.example", PATH_INFO="/any")
    assert names == ["example.org", None]
