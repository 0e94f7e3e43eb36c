"""What is believed of the headers that a trusted proxy has sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from wsgikit.forwarding import Forwarding, read_forwarding
from wsgikit.trusted_peers import TrustedPeers

TRUSTED = TrustedPeers(["10.0.0.0/8", "2001:db8:1::/48", "unix"])
HOST = "inside.example:8000"
IPV6 = "2001:db8:2::1"


def read(request_scheme="http", request_host=HOST, **headers):
    keys = {
        "FORWARDED" if name == "forwarded" else f"X_FORWARDED_{name.upper()}": value
        for name, value in headers.items()
    }
    environ = {f"HTTP_{name}": value for name, value in keys.items()}
    return read_forwarding(environ, TRUSTED, request_scheme, request_host)


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.3, 10.0.0.2", "192.0.2.1"),
        ("10.9.9.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("nonsense, 192.0.2.1", "192.0.2.1"),
        ("nonsense/8, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.1,10.0.0.2", "192.0.2.1"),
        (" 192.0.2.1 ,\t10.0.0.2\t", "192.0.2.1"),
        (",192.0.2.1", "192.0.2.1"),
        (",,6.6.6.6,,192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, ", ""),
        ("6.6.6.6,, 10.0.0.2", ""),
        ("6.6.6.6, 192.0.2.1, unix:", "192.0.2.1"),
        ("192.0.2.1, unix:, 10.0.0.2", "192.0.2.1"),
        ("unix:", ""),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2:80", "192.0.2.1"),
        (IPV6, IPV6),
        (f"[{IPV6}]:4711", IPV6),
        (f"{IPV6}, 2001:db8:1::9", IPV6),
        ("2001:DB8:2::0:1", IPV6),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
        ("unknown", ""),
        ("192.0.2.1, unknown", ""),
        ("192.0.2.1, unknown, 10.0.0.2", ""),
        ("192.0.2.1, _hidden", ""),
        ("", None),
        (" , ", ""),
    ],
)
def test_client_is_the_last_address_that_is_no_proxy(value, address):
    assert read(**{"for": value}) == Forwarding(address, None, None, None)


@pytest.mark.parametrize(
    ("value", "forwarding"),
    [
        ("for=192.0.2.1", ("192.0.2.1", None, None)),
        ("for=6.6.6.6, for=192.0.2.1", ("192.0.2.1", None, None)),
        (f'for="[{IPV6}]:4711";proto=https;host=a.example', (IPV6, "https", "a.example")),
        ("for=192.0.2.1;proto=https, for=10.0.0.2;proto=http", ("192.0.2.1", "https", None)),
        ("for=192.0.2.1, for=10.0.0.2;proto=https", ("192.0.2.1", "https", None)),
        ("for=192.0.2.1;host=a.example, for=10.0.0.2;host=b", ("192.0.2.1", None, "a.example")),
        ("for=6.6.6.6;host=evil, for=192.0.2.1;proto=https", ("192.0.2.1", "https", None)),
        ("for=192.0.2.1;proto=https, for=unknown", ("", None, None)),
        ("for=192.0.2.1, for=_hidden, for=10.0.0.2", ("", None, None)),
        ("for=10.0.0.3, for=10.0.0.2", ("10.0.0.3", None, None)),
        ("proto=https;host=a.example", (None, "https", "a.example")),
        ("for=6.6.6.6, proto=https, for=10.0.0.2", ("10.0.0.2", "https", None)),
        ("by=10.0.0.1;secret=x", (None, None, None)),
        ("for=6.6.6.6;host=evil,", (None, None, None)),
        ("for=6.6.6.6;host=evil, , for=10.0.0.2;host=a", ("10.0.0.2", None, "a")),
        ('for=192.0.2.1;x=";proto=https;host=evil"', ("192.0.2.1", None, None)),
        ('proto="https";host="a.example:8443"', (None, "https", "a.example:8443")),
        ("FOR=192.0.2.1;PROTO=HTTPS;HOST=A.Example", ("192.0.2.1", "https", "a.example")),
        ("", (None, None, None)),
    ],
)
def test_forwarded_is_believed_from_the_right_on(value, forwarding):
    assert read(forwarded=value) == Forwarding(*forwarding, None)


def test_peer_of_a_proxy_on_a_unix_socket_that_is_not_trusted_is_the_client():
    headers = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, unix:"}
    trusted = TrustedPeers(["10.0.0.0/8"])
    assert read_forwarding(headers, trusted, "http", HOST).address == ""


ONE, TWO, THREE = "192.0.2.1", "192.0.2.1, 10.0.0.2", "192.0.2.1, 10.0.0.3, 10.0.0.2"


@pytest.mark.parametrize(
    ("addresses", "value", "scheme"),
    [
        (ONE, "https", "https"),
        (ONE, "http", "http"),
        (ONE, "HTTPS", "https"),
        (ONE, "wss", "https"),
        (ONE, "ws", "http"),
        (ONE, "https, http", "http"),
        (ONE, "nonsense, https", "https"),
        (TWO, "https, http", "https"),
        (TWO, "http, https, http", "https"),
        (TWO, "https", "https"),
        (TWO, ", https", "https"),
        (THREE, "https, http, http", "https"),
        (f"6.6.6.6, {TWO}", "http, https, http", "https"),
        ("", "https, http", "http"),
        ("", "https", "https"),
        (ONE, "", None),
        (ONE, "https,", None),
        (TWO, "https, , http", "http"),
        (TWO, "https, , ", None),
        (TWO, "https, http, ", "http"),
    ],
)
def test_scheme_is_that_of_the_outermost_proxy(addresses, value, scheme):
    assert read(**{"for": addresses}, proto=value).scheme == scheme


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ({"host": "a.example"}, "a.example"),
        ({"host": "A.Example."}, "a.example"),
        ({"host": "a.example:8443"}, "a.example:8443"),
        ({"host": "a.example:80"}, "a.example"),
        ({"host": "a.example:443"}, "a.example:443"),
        ({"host": "a.example:443", "proto": "https"}, "a.example"),
        ({"host": "a.example:80", "proto": "https"}, "a.example:80"),
        ({"host": "[2001:DB8::1]:8443"}, "[2001:db8::1]:8443"),
        ({"host": "a.example, b.example"}, "b.example"),
        ({"host": "a.example, b.example", "for": TWO}, "a.example"),
        ({"host": "a.example", "for": TWO}, "a.example"),
        ({"host": "e vil, a.example"}, "a.example"),
        ({"host": "evil.example,"}, None),
        ({"host": "evil.example, , inside", "for": TWO}, "inside"),
        ({"host": "evil.example, , ", "for": TWO}, None),
        ({"host": "a.example", "port": "8443"}, "a.example:8443"),
        ({"host": "a.example:1", "port": "8443"}, "a.example:8443"),
        ({"host": "[2001:db8::1]", "port": "8443"}, "[2001:db8::1]:8443"),
        ({"host": "a.example", "port": "443", "proto": "https"}, "a.example"),
        ({"host": "a.example:1", "port": "443", "proto": "https"}, "a.example"),
        ({"port": "8443"}, "inside.example:8443"),
        ({"port": "80"}, "inside.example"),
        ({"port": "8443, 80", "for": TWO}, "inside.example:8443"),
        ({"port": "443", "forwarded": "proto=https;host=a.example"}, "a.example"),
        ({"port": "443", "forwarded": "proto=https"}, "inside.example"),
        ({"port": "8443", "forwarded": 'host="a.example:8443"'}, "a.example:8443"),
        ({"port": "8443", "forwarded": "for=192.0.2.1"}, "inside.example:8443"),
        ({"host": "a.example:443", "forwarded": "proto=https;host=a.example"}, "a.example"),
        ({}, None),
        ({"host": ""}, None),
    ],
)
def test_host(headers, host):
    assert read(**headers).host == host


def test_port_of_https_is_left_out_where_the_request_came_by_https():
    assert read(request_scheme="https", port="443").host == "inside.example"


@pytest.mark.parametrize(
    ("headers", "prefix"),
    [
        ({"prefix": "/a"}, "/a"),
        ({"prefix": "/a/"}, "/a"),
        ({"prefix": "/a/b-c/~d.e"}, "/a/b-c/~d.e"),
        ({"prefix": "/..a/...b"}, "/..a/...b"),
        ({"prefix": "/"}, ""),
        ({"prefix": "/a, /b"}, "/b"),
        ({"prefix": "/a, /b", "for": TWO}, "/a"),
        ({"prefix": ""}, None),
    ],
)
def test_prefix(headers, prefix):
    assert read(**headers).prefix == prefix


REFUSED = [
    *({"for": each} for each in ["nonsense", "192.0.2.1, 10.0.0.0/8", "192.0.2.1/32", "a, b, c"]),
    *({"for": each} for each in ["nonsense, 10.0.0.2", "6.6.6.6, x, 10.0.0.2", "fe80::1%a", "1"]),
    *(
        {"proto": each}
        for each in ["ftp", "https;http", "javascript", "http://", "on", "https\xff"]
    ),
    *({"host": each} for each in ["a b", "a@b", "a/b", "a:0", "a:x", "a_b", ".a", "[::1", "a..b"]),
    *({"port": each} for each in ["0", "65536", "-1", "+1", "x", "1.0", "80;", "123456", "\u0661"]),
    *({"prefix": each} for each in ["a", "//a", "/a//b", "/..", "/a/../b", "/./a", "/a/.", "///"]),
    *({"prefix": each} for each in ["/a?b", "/a#b", "/a b", "/a\\b", "/a%2f", "/<a>", "/\xe4"]),
    *(
        {"forwarded": each}
        for each in ['for="', "for=a", "for=1.2.3.4;for=1.2.3.4", "for", "for=;"]
    ),
    *({"forwarded": each} for each in ["proto=ftp", 'host="a b"', "for=10.0.0.0/8", 'host=""']),
    {"for": THREE, "proto": "https, http"},
    {"for": THREE, "proto": "https,"},
    {"for": "192.0.2.1, UNIX:"},
    {"forwarded": 'for="unix:"'},
    {"for": THREE, "host": "a.example, b.example"},
    {"for": THREE, "prefix": "/a, /b"},
]


@pytest.mark.parametrize("headers", REFUSED, ids=repr)
def test_malformed_header_is_refused_with_a_short_text(headers):
    with pytest.raises(BadRequest) as refusal:
        read(**headers)
    text = refusal.value.description
    assert text.endswith(".")
    assert len(text) < 80
    assert not any(value in text for value in headers.values() if len(value) > 4)


@pytest.mark.parametrize("host", ["", "a b", "a_b"])
def test_port_for_a_host_that_is_none_is_refused(host):
    with pytest.raises(BadRequest):
        read(request_host=host, port="8443")


@pytest.mark.parametrize(
    "headers",
    [
        {"for": "192.0.2.1", "forwarded": "for=192.0.2.1"},
        {"for": "192.0.2.1", "forwarded": "for=6.6.6.6, for=192.0.2.1"},
        {"for": TWO, "forwarded": "for=192.0.2.1;proto=https, for=10.0.0.2"},
        {"for": "192.0.2.1", "proto": "https", "forwarded": "for=192.0.2.1;proto=HTTPS"},
        {"proto": "https", "host": "a.example", "forwarded": 'host="A.example:443"'},
        {"for": "unknown", "forwarded": "for=_hidden"},
        {"for": "2001:db8:2::1", "forwarded": 'for="[2001:DB8:2::0:1]:80"'},
    ],
    ids=repr,
)
def test_headers_that_agree_are_taken_together(headers):
    assert read(**headers).address == read(**{"for": headers.get("for", "")}).address


@pytest.mark.parametrize(
    "headers",
    [
        {"for": "192.0.2.1", "forwarded": "for=192.0.2.2"},
        {"for": "192.0.2.1", "forwarded": "for=192.0.2.1, for=192.0.2.2"},
        {"for": "192.0.2.1", "forwarded": "for=unknown"},
        {"for": "unknown", "forwarded": "for=192.0.2.1"},
        {"proto": "http", "forwarded": "proto=https"},
        {"host": "a.example", "forwarded": "host=b.example"},
        {"host": "a.example:8443", "forwarded": "host=a.example"},
        {"port": "8443", "forwarded": "proto=https;host=a.example"},
        {"port": "443", "forwarded": "host=a.example"},
        {"port": "443", "forwarded": 'proto=https;host="a.example:8443"'},
    ],
    ids=repr,
)
def test_headers_that_contradict_each_other_are_refused(headers):
    with pytest.raises(BadRequest, match="contradict"):
        read(**headers)


PIECES = ["for=", "host=", "proto=", "https", "http", ";", ",", '"', "\\", "1.2.3.4", "[::1]", " "]
PIECES += ["10.0.0.1", "unknown", "_x", ":80", "a.example", "/a"]
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join))
NAMES = ["for", "proto", "host", "port", "prefix", "forwarded"]


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS))
def test_any_headers_are_read_or_refused(headers):
    try:
        forwarding = read(**headers)
    except BadRequest:
        return
    assert forwarding.scheme in (None, "http", "https")
    assert not any(set(text or "") & set(' "\\,;@?#\r\n') for text in forwarding[:3])
