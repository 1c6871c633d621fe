"""Whole exchanges in the vendors' formats, as a partner's server sees them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from connectors.exchange import send_sample
from portal.events.catalogue import CATALOGUE
from tests.conftest import Tenant
from tests.receiver import Received, Receiver
from tests.world import SECRET, make_connector

ROUTES = {"values": "/incoming/values", "events": "/incoming/events", "alarms": "incoming/alarms?kind=all"}


def signature_of(received: Received, path: str, query: str) -> str:
    """As the vendor's own API computes it (B4), without the product's code."""
    parts = (received.method, path, query, received.body.decode(), received.headers["x-api-timestamp"])
    message = "\n".join(part for part in parts if part)
    return base64.b64encode(hmac.digest(SECRET.encode(), message.encode(), hashlib.sha512)).decode()


@pytest.mark.line(131, 133, 134)
@pytest.mark.parametrize(
    ("event_type", "path", "query"),
    [
        ("datapoint/value", "/hooks/incoming/values", ""),
        ("gateway/offline", "/hooks/incoming/events", ""),
        ("alarm/raised", "/hooks/incoming/alarms", "kind=all"),
    ],
)
def test_values_events_and_alarms_go_to_their_routes_signed(
    in_tenant: Tenant, event_type: str, path: str, query: str
) -> None:
    fields = {"profile": "wattsense.2026-11", "signing": "wattsense", "routes": ROUTES}
    with Receiver() as receiver:
        exchange = send_sample(make_connector(receiver.url + "/hooks", **fields), event_type)
        (received,) = receiver.wait_for(1)
    assert exchange.delivered
    assert (received.method, received.path) == ("POST", f"{path}?{query}" if query else path)
    assert received.headers["content-type"] == "application/json"
    key, _, signature = received.headers["x-api-auth"].partition(":")
    assert (key, signature) == ("feeder", signature_of(received, path, query))
    assert SECRET.encode() not in received.body
    body = received.json()
    assert ("payload" in body, "alarmId" in body) == (event_type == "datapoint/value", event_type == "alarm/raised")


@pytest.mark.line(134, 135)
def test_a_key_in_the_query_is_under_the_signature_too(in_tenant: Tenant) -> None:
    """The receiver computes it from the URL that it was asked for."""
    fields = {"profile": "wattsense.2026-11", "signing": "wattsense", "routes": ROUTES}
    with Receiver() as receiver:
        connector = make_connector(receiver.url + "/hooks", **fields)
        connector.auth_type, connector.auth_public = "api_key", {"in": "query", "name": "key"}
        connector.set_credentials({"value": "a/b"})
        connector.save()
        exchange = send_sample(connector, "alarm/raised")
        (received,) = receiver.wait_for(1)
    assert received.path == "/hooks/incoming/alarms?kind=all&key=a%2Fb"
    _, _, signature = received.headers["x-api-auth"].partition(":")
    assert signature == signature_of(received, "/hooks/incoming/alarms", "key=a%2Fb&kind=all")
    assert "a%2Fb" not in str(exchange)


def test_bosch_texts_are_in_the_languages_of_the_company(in_tenant: Tenant) -> None:
    in_tenant.company.languages = ["nl", "de"]
    in_tenant.company.save()
    fields = {"profile": "bosch.2026-11", "signing": "none", "retry_policy": "bosch", "company": in_tenant.company}
    with Receiver() as receiver:
        exchange = send_sample(make_connector(receiver.url + "/hook", **fields), "appliance/error")
        (received,) = receiver.wait_for(1)
    assert exchange.delivered
    assert received.path == "/hook"
    assert received.json()["errorDescription"] == CATALOGUE["appliance/error"].sample["texts"]["nl"]


@pytest.mark.line(1)
def test_what_bosch_has_no_family_for_is_not_sent(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        connector = make_connector(receiver.url + "/hook", profile="bosch.2026-11", signing="none")
        exchange = send_sample(connector, "ping")
        assert receiver.requests == []
    assert (exchange.delivered, exchange.request) == (False, None)
    assert exchange.error is not None
    assert "no ping" in exchange.error["detail"]


@pytest.mark.line(40, 41, 44, 45, 46, 47)
def test_withthegrid_posts_an_array_with_the_secret_in_a_header_of_the_customers_choice(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        connector = make_connector(receiver.url + "/forward?site=7", profile="withthegrid.2026-11", signing="none")
        connector.auth_type, connector.auth_public = "header", {"name": "X-Forward-Token"}
        connector.set_credentials({"value": "a token of theirs"})
        connector.save()
        assert send_sample(connector, "datapoint/report").delivered
        (received,) = receiver.wait_for(1)
    assert (received.method, received.path) == ("POST", "/forward?site=7")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["x-forward-token"] == "a token of theirs"
    (message,) = received.json()
    assert (message["attempt"], len(message["observations"]) > 0) == (0, True)


@pytest.mark.line(105, 110, 111, 118, 128)
def test_smartgridones_snapshot_is_pushed_with_the_controllers_token(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        connector = make_connector(receiver.url + "/live", profile="smartgridone.2026-11", signing="none")
        connector.auth_type = "bearer"
        connector.set_credentials({"token": "of-this-controller"})
        connector.save()
        assert send_sample(connector, "telemetry/snapshot").delivered
        (received,) = receiver.wait_for(1)
    assert (received.method, received.path) == ("POST", "/live")
    assert received.headers["authorization"] == "Bearer of-this-controller"
    assert isinstance(received.json(), dict)
