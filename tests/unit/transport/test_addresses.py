"""The address table, and the operator's exceptions from it."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.transport.addresses import (
    DENIED_IPV4,
    AllowList,
    BadAllowList,
    Guarded,
    check_address,
    is_global_unicast,
    parse_allow_list,
)

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"]
PUBLIC += ["169.253.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"]
PUBLIC += ["2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2001:4860:4860::8888", "2400::1"]

DENIED = [
    *["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"],
    *["127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"],
    *["192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"],
    *["203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
    *["::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"],
    *["64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1"],
    *["2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1"],
    *["5f00::1", "fc00::1", "fd00::1", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1"],
    *["not an address", "", "1.2.3", "127.1", "0x7f000001", "2130706433", "127.0.0.01"],
]


@pytest.mark.parametrize("ip", PUBLIC)
def test_global_unicast_may_be_reached(ip: str) -> None:
    check_address(ip, 443, "api.example")


@pytest.mark.parametrize("ip", DENIED)
def test_everything_else_may_not(ip: str) -> None:
    with pytest.raises(Guarded) as fault:
        check_address(ip, 443, "api.example")
    assert "GATEPOST_EGRESS_ALLOW" in str(fault.value)


def test_the_words_do_not_tell_what_a_name_resolves_to_inside() -> None:
    with pytest.raises(Guarded) as fault:
        check_address("10.20.30.40", 443, "api.example")
    assert "10.20.30.40" not in str(fault.value)
    assert "api.example" in str(fault.value)


@given(st.ip_addresses(v=4))
def test_nothing_that_python_knows_as_special_passes(address: IPv4Address) -> None:
    if is_global_unicast(address):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_reserved, address.is_loopback))


@given(st.ip_addresses(v=6))
def test_nothing_special_passes_in_ipv6_either(address: IPv6Address) -> None:
    if is_global_unicast(address):
        assert address in IPv6Network("2000::/3")
        assert not any((address.is_private, address.is_multicast, address.is_site_local, address.sixtofour))
        assert address.ipv4_mapped is None
        assert address.teredo is None


@given(st.sampled_from(DENIED_IPV4), st.integers(min_value=0))
def test_a_denied_ipv4_address_stays_denied_inside_an_ipv6_one(network: object, offset: int) -> None:
    inside = ip_network(str(network))
    ipv4 = int(inside.network_address) + offset % inside.num_addresses
    for prefix in ("::", "::ffff:0:0", "64:ff9b::", "2002::"):
        shift = 80 if prefix == "2002::" else 0
        assert not is_global_unicast(IPv6Address(int(IPv6Address(prefix)) | (ipv4 << shift)))


def test_the_operator_allows_exactly_what_is_written() -> None:
    allow = parse_allow_list(["127.0.0.1:9100", " 10.0.0.0/8 ", "[fd00::5]:80", "Modem.LAN.:8080", "", "fe80::/10"])
    check_address("127.0.0.1", 9100, "127.0.0.1", allow)
    check_address("10.1.2.3", 1, "anything", allow)
    check_address("fd00::5", 80, "five", allow)
    check_address("fd00:0:0::5", 80, "five", allow)
    check_address("192.168.1.9", 8080, "modem.lan", allow)
    check_address("192.168.1.9", 8080, "MODEM.lan.", allow)
    for ip, port, host in [
        ("127.0.0.1", 9101, "127.0.0.1"),
        ("127.0.0.2", 9100, "127.0.0.2"),
        ("fd00::5", 81, "five"),
        ("fd00::6", 80, "six"),
        ("192.168.1.9", 8081, "modem.lan"),
        ("192.168.1.9", 8080, "other.lan"),
        ("11.0.0.1.", 1, "x"),
        ("::ffff:10.0.0.1", 80, "mapped"),
    ]:
        with pytest.raises(Guarded):
            check_address(ip, port, host, allow)


@pytest.mark.parametrize(
    "entry",
    [
        *("127.0.0.1", "modem.lan", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8:80", "x:0", "x:65536", "x:http", ":80"),
        *("fd00::5:80x", "fd00::1:80", "*", "host:", "host:+1", "host:٣"),
    ],
)
def test_an_entry_that_is_neither_is_refused_with_words(entry: str) -> None:
    with pytest.raises(BadAllowList, match=r"10\.0\.0\.0/8|brackets"):
        parse_allow_list([entry])


def test_an_empty_list_allows_nothing() -> None:
    assert parse_allow_list([]) == AllowList()
    assert not AllowList().allows(ip_address("127.0.0.1"), 80, "localhost")
