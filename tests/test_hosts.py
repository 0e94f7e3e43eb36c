"""What names a host, and which hosts are trusted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.utils import host_is_trusted

from wsgikit.errors import ConfigurationError
from wsgikit.hosts import Host, TrustedHosts, parse_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("example.org", Host("example.org")),
        ("EXAMPLE.org:8443", Host("example.org", 8443)),
        ("example.org.", Host("example.org")),
        ("example.org.:80", Host("example.org", 80)),
        ("localhost", Host("localhost")),
        ("xn--bcher-kva.example", Host("xn--bcher-kva.example")),
        (f"{'a' * 63}.{'b' * 63}:8000", Host(f"{'a' * 63}.{'b' * 63}", 8000)),
        ("192.0.2.1:65535", Host("192.0.2.1", 65535)),
        ("[2001:DB8::1]", Host("2001:db8::1")),
        ("[2001:db8:0::1]:1", Host("2001:db8::1", 1)),
        ("[::ffff:192.0.2.1]", Host("192.0.2.1")),
    ],
)
def test_host(text, host):
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".example.org",
        "example..org",
        "example.org..",
        "exam_ple.org",
        "exam ple.org",
        " example.org",
        f"{'a' * 64}.org",
        "xn--a.org",
        "www.XN--99999999.org",
        "xn--",
        "example.org\n",
        "example.org\r\nX: y",
        "example.org\x00",
        "user@example.org",
        "example.org/path",
        "example.org?query",
        "example.org#fragment",
        "example.org\\evil.example",
        "example.org,evil.example",
        "example.org%00",
        "bücher.example",
        "http://example.org",
        "example.org:",
        "example.org:0",
        "example.org:65536",
        "example.org:123456",
        "example.org:80:80",
        "example.org:٨",
        "example.org:+80",
        "::1",
        "[::1",
        "[::1]x",
        "[:::::]",
        "[fe80::1%25eth0]",
        "[1.2.3.4]",
        "[v1.x]",
    ],
)
def test_no_host(text):
    assert parse_host(text) is None


@given(st.text(alphabet="aZ09.-:[]@/_ é\n"))
def test_whatever_is_a_host_is_one_to_werkzeug_too(text):
    host = parse_host(text)
    if host is not None:
        assert host_is_trusted(str(host), [])
        assert parse_host(str(host)) == host


TRUSTED = TrustedHosts(
    ["Example.org", ".example.net", "bücher.example", "dot.example.", "10.0.0.0/8", "::1", "[::2]"]
)


@pytest.mark.parametrize(
    "name",
    [
        "example.org",
        "example.net",
        "www.example.net",
        "a.b.example.net",
        "xn--bcher-kva.example",
        "dot.example",
        "10.20.30.40",
        "::1",
        "::2",
    ],
)
def test_trusted(name):
    assert name in TRUSTED


@pytest.mark.parametrize(
    "name",
    [
        "www.example.org",
        "evilexample.net",
        "evilexample.org",
        "example.net.evil.example",
        "net",
        "11.0.0.1",
        "010.0.0.1",
        "10.evil.example",
        "::3",
        "",
    ],
)
def test_not_trusted(name):
    assert name not in TRUSTED


def test_network_of_ipv4_in_ipv6_is_one_of_ipv4():
    hosts = TrustedHosts(["::ffff:10.0.0.0/104", "[::ffff:192.0.2.1]"])
    assert "10.1.2.3" in hosts
    assert "192.0.2.1" in hosts
    assert parse_host("[::ffff:10.1.2.3]").name in hosts
    assert "11.1.2.3" not in hosts


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "*.example.org",
        ".",
        "",
        "https://example.org",
        "example.org:8000",
        "example.org/",
        "10.0.0.1/8",
        "exam_ple.org",
        "a..b",
        "x" * 64,
    ],
)
def test_what_is_no_host_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="is no host, suffix or network"):
        TrustedHosts([wrong])


@pytest.mark.parametrize("wrong", ["example.org", None, [1]])
def test_what_is_no_list_is_refused(wrong):
    with pytest.raises(
        ConfigurationError, match=r"is no list of hosts\.\n\nWrite \['example.org'\]"
    ):
        TrustedHosts(wrong)


@pytest.mark.parametrize("wrong", [[], ()])
def test_empty_list_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="No host is trusted"):
        TrustedHosts(wrong)


def test_name_that_browsers_encode_otherwise_is_refused():
    with pytest.raises(ConfigurationError, match="xn--"):
        TrustedHosts(["straße.de"])
    assert "xn--strae-oqa.de" in TrustedHosts(["xn--strae-oqa.de"])
    assert "xn--bcher-kva.example" in TrustedHosts(["Bücher.example"])
