"""The oracle of `make soak` sees what it is there to see: a loss, a duplicate, a duplicate that differs."""

from __future__ import annotations

import time
import urllib.request

import pytest

from bench.soak.field import Field, Tally
from bench.soak.partner import Partner
from bench.soak.report import Report
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
