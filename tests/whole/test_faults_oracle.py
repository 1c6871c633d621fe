"""The oracle of `make soak` sees what it is there to see: a loss, a duplicate, a duplicate that differs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from bench.soak.field import Field, Tally
from bench.soak.partner import Partner
from bench.soak.report import Report
from bench.soak.schedulers import AGGREGATE, INTERVAL_SECONDS, Estate, judge
from tests.whole.stack import Api


def deliver(partner: Partner, path: str, number: int, *, message_id: str = "1") -> bytes:
    body = b'{"data":{"limit_w":%d}}' % number
    request = urllib.request.Request(partner.url + path, data=body, headers={"webhook-id": message_id})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: bytes = answer.read()
    return found


@pytest.fixture
def tally() -> Tally:
    """Ten accepted for two partners; to one of them 3 came not, 5 twice, and 6 twice with another id."""
    with Partner() as partner:
        field = Field(api=Api("http://127.0.0.1:9", "key"), partner=partner, names=["a", "b"])
        field.accepted, field.accepted_at = [range(4), range(4, 10)], [time.monotonic()] * 2
        for number in range(10):
            deliver(partner, "/b/slow-1", number)
            if number != 3:
                deliver(partner, "/a/garbage", number)
        deliver(partner, "/a/ok", 5)
        deliver(partner, "/a/ok", 6, message_id="2")
        return field.tally()


def test_what_is_missing_and_what_came_twice_is_counted(tally: Tally) -> None:
    assert (tally.accepted, tally.answered, tally.lost) == (20, 21, 1)
    assert (tally.duplicates, tally.unequal) == (2, 1)
    assert len(tally.delays) == 19


def test_a_report_says_what_did_not_hold(tally: Tally) -> None:
    report = Report(name="a fault", figures={})
    report.judge(tally, duplicates_at_most=1)
    assert report.broken == [
        "1 accepted deliveries were never answered 200",
        "2 duplicates, 1 at most",
        "1 duplicates differ from what came first",
    ]


def test_a_partner_that_refuses_once_counts_each_try_and_a_signature_of_another_time() -> None:
    with Partner() as partner:
        with pytest.raises(urllib.error.HTTPError, match="500"):
            deliver(partner, "/a/refuse-once", 7)
        deliver(partner, "/a/refuse-once", 7)
        request = urllib.request.Request(
            f"{partner.url}/a/ok", data=b"{}", headers={"webhook-timestamp": str(int(time.time()) - 3600)}
        )
        with urllib.request.urlopen(request, timeout=10):
            state = partner.state()["a"]
    assert (state["arrived"], state["answered"], state["untimely"]) == (3, 2, 1)


def snapshot(moment: str, number: int) -> tuple[str, dict[str, Any]]:
    """The message of an event with that id, of a site whose moments are at 2 s."""
    body = {"type": "telemetry/snapshot", "id": f"event {number}", "time": f"2026-11-21T10:00:{moment}Z"}
    return f"message {number}", {**body, "data": {"system": {"id": "site"}}}


def once() -> list[tuple[str, dict[str, Any]]]:
    aggregate = {"type": "aggregate/daily", "id": "event 1", "subject": "appliances/inverter"}
    return [
        ("message 1", {**aggregate, "data": {"day": "2026-11-20", "property": AGGREGATE}}),
        ("message 2", {"type": "gateway/offline", "id": "event 2", "subject": "gateways/box"}),
        ("message 3", {"type": "appliance/offline", "id": "event 3", "subject": "appliances/inverter"}),
        snapshot("02.000", 4),
        snapshot("07.999", 5),
        snapshot("12.000", 6),
    ]


@pytest.mark.parametrize(
    ("more", "broken"),
    [
        ([], ""),
        ([snapshot("02.000", 4)], ""),
        ([snapshot("02.000", 4)] * 2, "2 messages came again"),
        ([snapshot("06.999", 7)], "made more than once: [('telemetry/snapshot', 'site'"),
        ([("message 7", once()[1][1])], "made more than once: [('gateway/offline', 'gateways/box')]"),
        ([("message 7", once()[0][1] | {"id": "event 7"})], "made more than once: [('aggregate/daily'"),
        ([("message 7", once()[1][1] | {"subject": "gateways/other"})], "not all came, or more"),
    ],
)
def test_what_schedulers_made_twice_is_found(more: list[tuple[str, dict[str, Any]]], broken: str) -> None:
    api = Api("http://127.0.0.1:9", "key")
    estate, report = Estate(api=api, path="/a", gateways={"inverter": "box"}), Report(name="F4", figures={})
    judge(report, estate, once() + more, {"site": 2000 - 1000 * INTERVAL_SECONDS}, repeats_at_most=1)
    assert [sentence for sentence in report.broken if broken not in sentence] == []
    assert bool(report.broken) == bool(broken)
