"""S3 of the fault plan: URLs that could mean something else to another reader are refused when they are saved."""

# ruff: noqa: RUF001 - look-alike characters are the subject

import pytest

from connectors.egress import REFUSED, EgressPolicy
from connectors.models import Connector
from connectors.target import URL_CAP, check_url, join_route, name_and_port, origin_of, route_problem
from portal.tenants import scope
from tests.rest.world import Tenant, by_key, errors, make_tenant, post

CLOSED = EgressPolicy()

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
    *("", "partner.example", "//partner.example/x", "https:", "https://", "https:///x", "https:partner.example"),
    *("http://partner.example/", "ftp://partner.example/", "file:///etc/passwd", "gopher://partner.example/"),
    *("javascript:alert(1)", "data:text/plain,x", "ws://partner.example/", "unix:///run/x.sock"),
    *("https://user@partner.example/", "https://user:pass@partner.example/", "https://@partner.example/"),
    *("https://partner.example#@127.0.0.1/", "https://partner.example/#top", "https://partner.example/#"),
    *("https://127.0.0.1#@partner.example/", "https://partner.example:443@127.0.0.1/", "https://a?@127.0.0.1/#"),
    *("https://partner.example\\@127.0.0.1/", "https:\\\\partner.example\\", "https://partner.example\\.evil/"),
    *("https://partner.example/a b", "https://partner.example/\t", "https://part\tner.example/", " https://a.example"),
    *("https://partner.example/\n", "https://partner.example/\r\nHost: x", "https://partner.example/\x00"),
    *("https://partner.example/%00", "https://partner.example/%0d%0aX:1", "https://partner.example%00.evil/"),
    *("https://partner.example/%", "https://partner.example/%zz", "https://partner.example/{id}"),
    *("https://partner.example:80:90/", "https://partner.example:0/", "https://partner.example:65536/"),
    *("https://partner.example:/", "https://partner.example:-1/", "https://partner.example:４４３/"),
    *("https://partner..example/", "https://.example/", "https://-a.example/", "https://a-.example/"),
    *("https://" + "a" * 64 + ".example/", "https://" + "a." * 127 + "example/", "https://*.example/"),
    *("https://pаrtner.example/", "https://münchen.de/", "https://partner。example/", "https://partner.example/ü"),
    *("https://xn--a.de/", "https://xn--zz.de/", "https://xn--.de/", "https://%70artner.example/"),
    *("https://partner.example/" + "a" * (URL_CAP - 23), "https://partner.example/" + "a" * 10_000),
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_plain_https_url_is_fine(url):
    assert check_url(url, CLOSED) == []


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_could_mean_something_else_is_refused_with_a_reason(url):
    reasons = check_url(url, CLOSED)
    assert reasons
    assert all(reason.endswith(".") for reason in reasons)


def stored(tenant: Tenant) -> set[str]:
    with scope.organization(tenant.organization.id):
        return set(Connector.objects.values_list("url", flat=True))


@pytest.mark.django_db
def test_s3_none_of_them_is_ever_saved(settings):
    """As a connector's URL and as a subscription's; blanks around a good URL are taken for a slip and left out."""
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], False
    ours = make_tenant("Ours")
    manager = by_key(ours, ["manage"])
    connector = {"name": "Partner", "profile": "standard"}
    subscription = {"event_types": ["gateway/online"], "target_url": "https://was.example/"}
    made = post(manager, "/api/v1/subscriptions/", subscription)
    slips = [url for url in BAD_URLS if url.strip() != url and not check_url(url.strip(), CLOSED)]
    assert len(slips) == 3
    for url in (url for url in BAD_URLS if url not in slips):
        refused = manager.post("/api/v1/connectors/", connector | {"url": url}, format="json")
        assert (url, refused.status_code, set(errors(refused))) == (url, 400, {"/url"})
        refused = manager.patch(f"/api/v1/subscriptions/{made['id']}/", {"target_url": url}, format="json")
        assert (url, refused.status_code, set(errors(refused))) == (url, 400, {"/target_url"})
    assert stored(ours) == {"https://was.example/"}
    for url in slips:
        post(manager, "/api/v1/connectors/", connector | {"name": repr(url), "url": url})
    assert stored(ours) == {"https://was.example/", *(url.strip() for url in slips)}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Partner.Example/x", ("partner.example", 443)),
        ("http://partner.example", ("partner.example", 80)),
        ("HTTPS://partner.example.:8443?x", ("partner.example.", 8443)),
        ("https://127.0.0.1:9/", None),
        ("https://[2606:4700::1111]/", None),
    ],
)
def test_what_must_be_looked_up(url, expected):
    assert name_and_port(url) == expected


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


@pytest.mark.parametrize(
    ("url", "route", "joined"),
    [
        ("https://a.example", "values", "https://a.example/values"),
        ("https://a.example/", "/values", "https://a.example/values"),
        ("https://a.example/in", "/hooks/values/", "https://a.example/in/hooks/values/"),
        ("https://a.example/in/", "v1:values", "https://a.example/in/v1:values"),
        ("https://a.example/in?key=1", "/values", "https://a.example/in/values?key=1"),
        ("https://a.example?key=1", "/values?kind=v&x=%2F", "https://a.example/values?key=1&kind=v&x=%2F"),
        ("https://a.example/in", "/values?kind=v", "https://a.example/in/values?kind=v"),
        ("https://a.example/in/?key=1", "", "https://a.example/in/?key=1"),
    ],
)
@pytest.mark.line(132, 133)
def test_a_route_is_put_behind_the_path_of_the_url(url: str, route: str, joined: str) -> None:
    assert join_route(url, route) == joined
    assert not route or check_url(joined, CLOSED) == []


@pytest.mark.parametrize(
    "route",
    [
        "", "https://b.example/x", "http:x", "//b.example/x", "javascript:1", "../x", "/a/../b", "/a/..", "/a/%2e%2E/b",
        "./x", "/a b", "/a\r\nX: 1", "/a\x00", "/ä", "/a#b", "/a\\b", "/%0d%0a", "/" + "a" * URL_CAP,
    ],
)  # fmt: skip
def test_a_route_that_would_lead_elsewhere_is_refused(route: str) -> None:
    assert route_problem(route)


@pytest.mark.parametrize("route", ["/values", "values/v1", "/a.b/..c/d..", "/v1:values", "/x?to=../y", "/a//b"])
def test_a_route_below_the_url_is_fine(route: str) -> None:
    assert route_problem(route) is None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.Example/x?y", "https://a.example:443"),
        ("HTTPS://a.example.:443", "https://a.example:443"),
        ("https://a.example:8443/", "https://a.example:8443"),
        ("http://a.example/", "http://a.example:80"),
        ("https://[2001:DB8::1]/", "https://[2001:db8::1]:443"),
    ],
)
def test_one_host_has_one_writing(url: str, origin: str) -> None:
    assert origin_of(url) == origin
