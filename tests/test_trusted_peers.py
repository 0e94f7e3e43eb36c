"""Which addresses are those of trusted proxies."""

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.trusted_peers import TrustedPeers

TRUSTED = TrustedPeers(["10.0.0.0/8", "192.168.1.7", "2001:db8::/32", "::1"])


@pytest.mark.parametrize(
    "address", ["10.255.0.1", "192.168.1.7", "2001:db8::9", "::1", "::ffff:10.1.2.3"]
)
def test_address_in_a_network_is_trusted(address):
    assert address in TRUSTED


@pytest.mark.parametrize(
    "address",
    ["11.0.0.1", "192.168.1.8", "2001:db9::9", "", "unix", "10.0.0.0/8", "010.0.0.1", "10.1", "x"],
)
def test_anything_else_is_not(address):
    assert address not in TRUSTED


def test_unix_socket_is_trusted_by_name():
    assert "" in TrustedPeers(["unix"])
    assert "unix:" in TrustedPeers(["unix"])
    assert "unix:" not in TRUSTED
    assert "127.0.0.1" not in TrustedPeers(["unix"])


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "example.org", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"is no address or network"):
        TrustedPeers([wrong])


def test_one_text_is_no_list():
    with pytest.raises(ConfigurationError, match=r"Write \['10\.0\.0\.0/8'\]"):
        TrustedPeers("10.0.0.0/8")


def test_network_of_ipv4_in_ipv6_is_one_of_ipv4():
    peers = TrustedPeers(["::ffff:10.0.0.0/104"])
    assert "::ffff:10.1.2.3" in peers
    assert "10.1.2.3" in peers
    assert "11.1.2.3" not in peers


@pytest.mark.parametrize(("networks", "trusts"), [([], False), (["unix"], True), (["::1"], True)])
def test_whether_anybody_is_trusted(networks, trusts):
    assert bool(TrustedPeers(networks)) is trusts
