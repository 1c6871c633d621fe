"""Addresses and URLs that connectors may and may not reach."""

# ruff: noqa: RUF001, S104, SIM905 - look-alike characters and wildcard addresses are the subject; tables of words

import ipaddress

import pytest

from connectors.egress import REFUSED, EgressPolicy
from connectors.target import URL_CAP, check_url

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


GOOD_URLS = [
    "https://partner.example/webhooks",
    "HTTPS://Partner.Example:8443/a//b/../c;d=1?x=1&y=%2F%20",
    "https://partner.example?x=1",
    "https://partner.example.",
    "https://8.8.8.8/hook",
    "https://[2606:4700::1111]:443/hook",
    "https://xn--mnchen-3ya.de/hook",
    "https://xn--strae-oqa.de/hook",
    "https://a_b-c.partner.example/hook",
    "https://partner.example/" + "a" * (URL_CAP - 24),
]

BAD_URLS = [
    *(
        "",
        "partner.example",
        "//partner.example/x",
        "https:",
        "https://",
        "https:///x",
        "https:partner.example",
    ),
    *("http://partner.example/", "ftp://partner.example/", "file:///etc/passwd", "gopher://partner.example/"),
    *("javascript:alert(1)", "https://user@partner.example/", "https://user:pass@partner.example/"),
    *("https://partner.example#@127.0.0.1/", "https://partner.example/#top", "https://partner.example/#"),
    *(
        "https://partner.example\\@127.0.0.1/",
        "https:\\\\partner.example\\",
        "https://partner.example\\.evil/",
    ),
    *(
        "https://partner.example/a b",
        "https://partner.example/\t",
        "https://part\tner.example/",
        " https://a.example",
    ),
    *("https://partner.example/\n", "https://partner.example/\r\nHost: x", "https://partner.example/\x00"),
    *("https://partner.example/%00", "https://partner.example/%0d%0aX:1", "https://partner.example%00.evil/"),
    *("https://partner.example/%", "https://partner.example/%zz", "https://partner.example/{id}"),
    *("https://partner.example:80:90/", "https://partner.example:0/", "https://partner.example:65536/"),
    *("https://partner.example:/", "https://partner.example:-1/", "https://partner.example:４４３/"),
    *("https://partner..example/", "https://.example/", "https://-a.example/", "https://a-.example/"),
    *("https://" + "a" * 64 + ".example/", "https://" + "a." * 127 + "example/", "https://*.example/"),
    *(
        "https://pаrtner.example/",
        "https://münchen.de/",
        "https://xn--a.de/",
        "https://xn--zz.de/",
        "https://xn--.de/",
    ),
    *("https://partner。example/", "https://partner.example/ü", "https://%70artner.example/"),
    "https://partner.example/" + "a" * (URL_CAP - 23),
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_plain_https_url_is_fine(url):
    assert check_url(url, CLOSED) == []


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_could_mean_something_else_is_refused_with_a_reason(url):
    reasons = check_url(url, CLOSED)
    assert reasons
    assert all(reason.endswith(".") for reason in reasons)


INNER_HOSTS = [
    *(
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
    ),
    *(
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ),
    *(
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[fd00:ec2::254]",
    ),
    *(
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "10.0.0.1",
        "192.168.1.1",
        "0",
        "0.0.0.0",
    ),
    *(
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "localhost.localdomain",
        "printer.local",
        "router.lan",
    ),
    *(
        "metadata.google.internal",
        "metadata",
        "redis",
        "db.home.arpa",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "[::1",
        "::1",
    ),
]


@pytest.mark.parametrize("host", INNER_HOSTS)
@pytest.mark.parametrize("port", ["", ":80", ":6379"])
def test_inner_hosts_are_refused_however_they_are_written(host, port):
    assert check_url(f"https://{host}{port}/", CLOSED)
    assert check_url(f"http://{host}{port}/", EgressPolicy.of([], allow_http=True))


def test_refusals_do_not_tell_inner_hosts_and_ports_apart():
    hosts = [
        "127.0.0.1",
        "10.0.0.1:22",
        "[::1]",
        "localhost:5432",
        "redis",
        "a.internal:1",
        "169.254.169.254",
    ]
    assert {tuple(check_url(f"https://{host}/", CLOSED)) for host in hosts} == {(REFUSED,)}


def test_http_and_inner_hosts_are_fine_where_the_operator_allows_them():
    policy = EgressPolicy.of(["127.0.0.0/8"], allow_http=True)
    for url in (
        "http://127.0.0.1:9000/x",
        "http://localhost:9000/",
        "http://receiver:9000/",
        "https://127.0.0.2/",
    ):
        assert check_url(url, policy) == []
    for url in ("http://10.0.0.1/", "http://[::1]/", "http://2130706433/", "ftp://127.0.0.1/"):
        assert check_url(url, policy)


def test_an_exemption_opens_one_address_and_port():
    inbox = ("127.0.0.1", 8000)
    assert check_url("http://127.0.0.1:8000/inbox/", CLOSED, exempt=inbox) == []
    assert check_url("http://localhost:8000/inbox/", CLOSED, exempt=inbox) == []
    for url in (
        "http://127.0.0.1:8001/",
        "http://127.0.0.2:8000/",
        "http://10.0.0.1:8000/",
        "http://127.0.0.1/",
    ):
        assert check_url(url, CLOSED, exempt=inbox) == [REFUSED]


def test_every_reason_is_named_at_once():
    assert len(check_url("http://127.0.0.1:70000/#x", CLOSED)) == 4
