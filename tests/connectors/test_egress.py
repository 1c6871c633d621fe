"""Addresses that connectors may and may not reach: every special range of both families."""

# ruff: noqa: SIM905 - wildcard addresses are the subject; tables of words

import ipaddress

import pytest

from connectors.egress import EgressPolicy

CLOSED = EgressPolicy()

REFUSED_ADDRESSES = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254
    168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.9
    192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
    198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8
    64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1
    2001:20::1 2001:30::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1
    3fff:fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()

PUBLIC_ADDRESSES = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1
    168.63.129.17 172.15.255.255 172.32.0.1 192.0.1.1 198.17.255.255 198.20.0.1 223.255.255.255 2000::1
    2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111 2a00:1450:4001:801::200e 3ffd::1
""".split()


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_special_addresses_are_refused_by_default(address):
    assert not CLOSED.permits(address)
    assert not CLOSED.permits(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_permitted(address):
    assert CLOSED.permits(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "1.1.1.1:443"])
def test_text_that_is_no_address_is_refused(text):
    assert not EgressPolicy.of(["0.0.0.0/0", "::/0"]).permits(text)


def test_an_allowed_network_opens_that_network_and_nothing_more():
    policy = EgressPolicy.of(["127.0.0.1/32", " fd00::/8"])
    assert policy.permits("127.0.0.1")
    assert policy.permits("fd00:ec2::254")
    refused = ["127.0.0.2", "10.0.0.1", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "fe80::1"]
    assert [address for address in refused if policy.permits(address)] == []


def test_an_ipv4_address_inside_ipv6_needs_its_own_permission():
    assert EgressPolicy.of(["::ffff:127.0.0.1/128"]).permits("::ffff:127.0.0.1")


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0.1/8", ""])
def test_a_mistyped_network_is_an_error(text):
    with pytest.raises(ValueError, match=r"network|address|host bits"):
        EgressPolicy.of([text])
