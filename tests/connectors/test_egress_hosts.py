"""S1 of the fault plan: hosts that must not be reached, at every place where one can be saved or sent to.

And S2 where it ends: a name that was fine when it was saved, and leads inside when it is used.
"""

# ruff: noqa: RUF001, SIM905 - look-alike characters and wildcard addresses are the subject; tables of words

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from connectors.egress import REFUSED, EgressPolicy
from connectors.message import ErrorClass
from connectors.models import Connector
from connectors.sender import Sender, _Guard
from connectors.target import check_url
from portal.tenants import scope
from tests.conftest import Tenant as Person
from tests.connectors.sending import poll_all, request
from tests.connectors.servers import Link, Server
from tests.rest.world import Tenant, by_key, errors, make_tenant, post

SPECIAL_V4 = """
    0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1
    192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.1.1 192.175.48.1 198.18.0.1 198.51.100.1 203.0.113.1
    224.0.0.1 240.0.0.1 255.255.255.255
""".split()
METADATA = "169.254.169.254 100.100.100.200 192.0.0.192 168.63.129.16 [fd00:ec2::254]".split()
SPECIAL_V6 = """
    [::] [::1] [100::1] [2001::1] [2001:2::1] [2001:10::1] [2001:20::1] [2001:db8::1] [3fff::1] [5f00::1] [fc00::1]
    [fe80::1] [fec0::1] [ff02::1] [2620:4f:8000::1]
""".split()
V4_IN_V6 = """
    [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1]
    [2002:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe]
""".split()
ODD_WRITINGS = """
    2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 127.1 127.0.1 0 127.0.0.1. ①②⑦.⓪.⓪.① １２７.０.０.１
    127。0。0。1 127.0.0.1%00.partner.example [::1%25lo] [fe80::1%25eth0] [fe80::1%eth0] [0:0:0:0:0:0:0:1]
""".split()
INNER_NAMES = """
    localhost LOCALHOST localhost. a.localhost localhost.localdomain metadata metadata.google.internal redis
    printer.local router.lan db.home.arpa
""".split()
HOSTS = [*SPECIAL_V4, *METADATA, *SPECIAL_V6, *V4_IN_V6, *ODD_WRITINGS, *INNER_NAMES]

CLOSED = EgressPolicy()
CONNECTOR = {"name": "Partner", "profile": "standard"}
SUBSCRIPTION = {"event_types": ["gateway/online"]}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address for which the guard opened a socket."""
    seen: list[Any] = []
    own = _Guard.open

    def spy(guard: _Guard, address: Any) -> socket.socket:
        seen.append(address.addr)
        return own(guard, address)

    monkeypatch.setattr(_Guard, "open", spy)
    return seen


@pytest.fixture
def here() -> Iterator[Server]:
    """What answers on this machine, and must never be reached."""
    with Server(Link.hold) as server:
        yield server
        assert server.connections == 0


@pytest.fixture
def ours(db: None, settings: Any) -> Tenant:
    """As an operator who allows nothing; plain http is let through, so that only the host can be the reason."""
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], True
    return make_tenant("Ours")


def urls(tenant: Tenant) -> set[str]:
    with scope.organization(tenant.organization.id):
        return set(Connector.objects.values_list("url", flat=True))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port", ["", ":80", ":6379"])
def test_s1_the_rule_refuses_it_alike_for_every_port(host: str, port: str) -> None:
    reasons = check_url(f"https://{host}{port}/", CLOSED)
    assert reasons
    assert reasons == check_url(f"http://{host}:1/", EgressPolicy(allow_http=True)), "and for http"
    if host in [*SPECIAL_V4, *METADATA, *SPECIAL_V6, *V4_IN_V6, *INNER_NAMES]:
        assert reasons == [REFUSED]


def test_s1_none_is_saved_as_a_connector_or_a_subscription(ours: Tenant) -> None:
    manager = by_key(ours, ["manage"])
    connector = post(manager, "/api/v1/connectors/", CONNECTOR | {"url": "https://was.example/"})["id"]
    subscription = post(manager, "/api/v1/subscriptions/", SUBSCRIPTION | {"target_url": "https://was.example/"})["id"]
    doors = [
        (manager.post, "/api/v1/connectors/", "url", CONNECTOR | {"name": "Another"}),
        (manager.patch, f"/api/v1/subscriptions/{subscription}/", "target_url", {}),
        (manager.post, "/api/v1/subscriptions/", "target_url", SUBSCRIPTION),
        (manager.patch, f"/api/v1/connectors/{connector}/", "url", {}),
    ]
    for number, host in enumerate(HOSTS):
        for call, path, field, body in doors if number % 5 == 0 else doors[:2]:
            answer = call(path, body | {field: f"https://{host}/"}, format="json")
            expected = {f"/{field}": " ".join(check_url(f"https://{host}/", CLOSED))}
            assert (host, answer.status_code, errors(answer)) == (host, 400, expected)
    assert urls(ours) == {"https://was.example/"}


def test_s1_nor_on_the_form(tenant: Person, settings: Any) -> None:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], True
    owner = Client()
    owner.force_login(tenant.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    filled = {
        "name": "Partner",
        "target": "url",
        "profile": "standard.2026-11",
        "auth_type": "none",
        "concurrency": "20",
    }
    for host in HOSTS[::5]:
        page = owner.post("/connectors/new/", filled | {"url": f"https://{host}/"})
        assert page.status_code == 200
        assert " ".join(check_url(f"https://{host}/", CLOSED)) in page.content.decode()
    assert not Connector._base_manager.exists()


@pytest.mark.parametrize("door", ["connectors/{}/test/", "subscriptions/{}/ping/"])
def test_s1_none_is_sent_to_however_it_came_to_be_stored(
    ours: Tenant, here: Server, opened: list[Any], door: str
) -> None:
    """The test button and ping; the text is the same one as at saving, although something listens at that port."""
    manager = by_key(ours, ["manage", "read"])
    if door.startswith("connectors"):
        made = post(manager, "/api/v1/connectors/", CONNECTOR | {"url": "https://was.example/"})
    else:
        made = post(manager, "/api/v1/subscriptions/", SUBSCRIPTION | {"target_url": "https://was.example/"})
    for host in HOSTS:
        with scope.organization(ours.organization.id):
            Connector.objects.update(url=f"http://{host}:{here.port}/")
        exchange = post(manager, f"/api/v1/{door.format(made['id'])}", {}, 200)
        assert (exchange["delivered"], exchange["response"]) == (False, None)
        assert exchange["error"] == {"class": "blocked", "detail": " ".join(check_url(f"https://{host}/", CLOSED))}
    assert opened == []


def test_s1_nor_by_the_worker_s_sender(here: Server, opened: list[Any]) -> None:
    """Nor does an open port look different from a closed one, or http from https."""
    urls = [f"{scheme}://{host}:{port}/" for scheme in ("http", "https") for port in (here.port, 1) for host in HOSTS]
    with Sender(EgressPolicy(allow_http=True), max_sockets=10) as sender:
        for url in urls:
            sender.submit(request(url), url)
        outcomes = poll_all(sender, len(urls))
    assert {outcome.error for outcome in outcomes.values()} == {ErrorClass.BLOCKED}
    for host in HOSTS:
        assert (
            len({outcomes[url].detail for url in urls if f"//{host}:{here.port}/" in url or f"//{host}:1/" in url}) == 1
        )
    assert opened == []


def test_s2_what_a_name_led_to_when_it_was_saved_counts_for_nothing(
    ours: Tenant, here: Server, opened: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved while there was no such name; then it leads inside, in each of the ways that DNS can say so."""
    answers: dict[str, list[str]] = {"partner.example": []}
    ask_the_system = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in answers:
            return ask_the_system(host, *args, **kwargs)
        if not answers[name]:
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name")
        families = [(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip) for ip in answers[name]]
        return [(family, socket.SOCK_STREAM, 6, "", (ip, 0)) for family, ip in families]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    manager = by_key(ours, ["manage"])
    url = f"http://partner.example:{here.port}/"
    connector = post(manager, "/api/v1/connectors/", CONNECTOR | {"url": url})["id"]
    said = []
    for answers["partner.example"] in ([], ["127.0.0.1"], ["::1"], ["fd00:ec2::254"], ["10.0.0.1", "127.0.0.1", "::1"]):
        exchange = post(manager, f"/api/v1/connectors/{connector}/test/", {}, 200)
        said.append((exchange["error"]["class"], exchange["error"]["detail"]))
    assert said == [("dns", "the host name did not resolve"), *[("blocked", REFUSED)] * 4]
    assert opened == []
