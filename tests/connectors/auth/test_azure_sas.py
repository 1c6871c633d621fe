"""Azure's Shared Access Signatures for Blob Storage and Event Hubs (S1 lines 56 to 58)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
import time_machine

from connectors import auth
from connectors.auth.azure_sas import HUB_TOKEN_LIFE, hub_token
from connectors.message import Request
from tests.connectors.auth.requests import BODY, prepared, request
from tests.connectors.auth.samples import BLOB_TOKEN, CONTAINER, HUB, HUB_TOKEN, KEY, SIGNATURE

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
BLOB = {"type": "azure_sas", "service": "blob", "token": BLOB_TOKEN}
HUB_READY = {"type": "azure_sas", "service": "event_hubs", "token": HUB_TOKEN}
HUB_KEY = {"type": "azure_sas", "service": "event_hubs", "key_name": "send", "key": KEY}


def finished(config: dict[str, str], before: Request, now: datetime = NOW) -> Request:
    finish = prepared(config, before.url).finish
    assert finish is not None
    return finish(before, now)


@pytest.mark.line(56, 58)
def test_the_key_is_used_as_text() -> None:
    """The vector of the fault plan, made with Python and openssl; a decoded key gives KyBU… instead."""
    token = hub_token(HUB, "send", KEY, 1700000000)
    parameters = parse_qs(token.removeprefix("SharedAccessSignature "))
    assert parameters["sig"] == ["ZjFplR9cTr5r1fEEVRUI+uO0D6+7Q1UYLT7R6zjmJ+w="]
    assert parameters["sig"] != ["KyBUzLLx07KMjhAb6a4+IC4gBnM2r/SPLkpYiFXZMi4="]
    assert token.startswith("SharedAccessSignature sr=https%3A%2F%2Fns.servicebus.windows.net%2Fhub&sig=ZjFplR9c")
    assert token.endswith("%3D&se=1700000000&skn=send")


@pytest.mark.line(41, 56, 58)
@pytest.mark.parametrize("tail", ["", "?api-version=2014-01&timeout=60"])
@pytest.mark.parametrize("inner", ["", "/partitions/0", "/publishers/site-4"])
def test_event_hubs_are_sent_a_post_to_the_url_as_it_is_with_a_token_for_the_hub(inner: str, tail: str) -> None:
    url = f"{HUB}{inner}/messages{tail}"
    after = finished(HUB_KEY, request(url, Content_Type="application/json"))
    end = int((NOW + HUB_TOKEN_LIFE).timestamp())
    assert (after.method, after.url, after.body) == ("POST", url, BODY)
    assert after.headers[0] == ("Content-Type", "application/json")
    assert after.headers[1:] == (("Authorization", hub_token(HUB, "send", KEY, end)),)
    assert prepared(HUB_KEY, url).secret_names == {"Authorization"}


@pytest.mark.line(56, 58)
def test_a_token_made_here_never_comes_to_its_end() -> None:
    before = request(HUB + "/messages")
    for day in range(3):
        now = NOW + timedelta(days=day)
        token = dict(finished(HUB_KEY, before, now).headers)["Authorization"]
        assert int(parse_qs(token)["se"][0]) - now.timestamp() == HUB_TOKEN_LIFE.total_seconds()


@pytest.mark.line(56, 58)
@pytest.mark.parametrize("token", [HUB_TOKEN, HUB_TOKEN.removeprefix("SharedAccessSignature ")])
def test_a_ready_made_token_for_event_hubs_is_sent_as_it_is(token: str) -> None:
    made = prepared({**HUB_READY, "token": token}, HUB + "/messages")
    assert made.headers == (("Authorization", HUB_TOKEN),)
    assert made.secret_names == {"Authorization"}
    assert made.finish is None


@pytest.mark.line(42, 43, 56, 57)
@pytest.mark.parametrize("mark", ["", "?"])
def test_a_blob_is_put_under_its_date_with_the_token_behind_and_out_of_sight(mark: str) -> None:
    after = finished(
        {**BLOB, "token": mark + BLOB_TOKEN}, request(CONTAINER + "/site-4/", Content_Type="application/json")
    )
    name = r"/site-4/2026/11/21/1795255200000-[0-9a-f]{16}\.json"
    assert after.method == "PUT"
    assert re.fullmatch(re.escape(CONTAINER) + name + re.escape("?" + BLOB_TOKEN), after.url)
    assert after.shown_url == after.url.replace(BLOB_TOKEN, "•••")
    assert after.headers == (("Content-Type", "application/json"), ("x-ms-blob-type", "BlockBlob"))
    assert after.body == BODY


EXPIRED = [
    {**BLOB, "token": BLOB_TOKEN.replace("2099-01-01T00%3A00%3A00Z", "2026-11-21T09%3A59%3A59Z")},
    {**BLOB, "token": BLOB_TOKEN.replace("2099-01-01T00%3A00%3A00Z", "2026-11-21T10:00Z")},
    {**BLOB, "token": BLOB_TOKEN.replace("2099-01-01T00%3A00%3A00Z", "2026-11-20")},
    {**HUB_READY, "token": HUB_TOKEN.replace("4070908800", str(int(NOW.timestamp())))},
]


@pytest.mark.parametrize("config", EXPIRED)
def test_a_token_that_has_expired_is_refused_when_it_is_saved_and_only_then(config: dict[str, str]) -> None:
    with time_machine.travel(NOW, tick=False):
        assert "expired" in auth.check(config)["token"]
    with time_machine.travel(NOW - timedelta(days=2), tick=False):
        assert auth.check(config) == {}
    assert auth.check_form(config) == {}


def changed(config: dict[str, str], old: str, new: str) -> dict[str, str]:
    assert old in config["token"]
    return {**config, "token": config["token"].replace(old, new)}


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({**BLOB, "service": "queue"}, {"service"}),
        ({"type": "azure_sas", "service": "blob"}, {"token"}),
        ({**BLOB, "key_name": "a", "key": "b"}, {"key", "key_name"}),
        ({**HUB_READY, "key": KEY}, {"key"}),
        ({"type": "azure_sas", "service": "event_hubs"}, {"token"}),
        ({"type": "azure_sas", "service": "event_hubs", "key": KEY}, {"key_name"}),
        ({"type": "azure_sas", "service": "event_hubs", "key_name": "send"}, {"key"}),
        ({**HUB_KEY, "key": "a\nb"}, {"key"}),
        ({**BLOB, "token": "a\r\nb"}, {"token"}),
        ({**BLOB, "token": "https://account.blob.core.windows.net/feeds?" + BLOB_TOKEN + "#x"}, {"token"}),
        ({**BLOB, "token": "a" * 1501}, {"token"}),
        (changed(BLOB, "sr=c", "sr=b"), {"token"}),
        (changed(BLOB, "sr=c&", ""), {"token"}),
        (changed(BLOB, "sp=cw", "sp=rl"), {"token"}),
        (changed(BLOB, "sv=2024-11-04&", ""), {"token"}),
        (changed(BLOB, "2099-01-01T00%3A00%3A00Z", "tomorrow"), {"token"}),
        (changed(BLOB, "2099-01-01T00%3A00%3A00Z", "9999-12-31T23:59:59-14:00"), {"token"}),  # UTC has no such year
        (changed(BLOB, SIGNATURE, SIGNATURE[:-5]), {"token"}),
        (changed(BLOB, "%2B", "+"), {"token"}),  # a plus sign would arrive as a blank
        (changed(HUB_READY, "&skn=send", ""), {"token"}),
        (changed(HUB_READY, "4070908800", "soon"), {"token"}),
        (changed(HUB_READY, "4070908800", "9" * 30), {"token"}),
    ],
)
def test_bad_configurations_are_refused_at_their_fields(config: dict[str, str], fields: set[str]) -> None:
    assert set(auth.check(config)) == fields


@pytest.mark.parametrize(
    "token",
    [
        BLOB_TOKEN.replace("sr=c", "sr=d&sdd=1"),
        BLOB_TOKEN.replace("sr=c", "ss=bq&srt=o"),
        f"sv=2024-11-04&sr=c&si=feeder&sig={SIGNATURE}",  # rights and end by a stored policy
    ],
)
def test_the_other_kinds_of_tokens_that_can_make_blobs_are_taken(token: str) -> None:
    assert auth.check({**BLOB, "token": token}) == {}


@pytest.mark.parametrize(
    ("config", "url", "word"),
    [
        (BLOB, f"{CONTAINER}?{BLOB_TOKEN}", "token out of the URL"),
        (HUB_KEY, f"{HUB}/messages?sig=abc", "token out of the URL"),
        (BLOB, "https://account.blob.core.windows.net/", "container"),
        (BLOB, "https://account.blob.core.windows.net", "container"),
        (BLOB, CONTAINER + "?comp=block", "query"),
        (BLOB, CONTAINER + "/a" * 950, "longer"),
        (HUB_KEY, HUB, "/messages"),
        (HUB_READY, "https://ns.servicebus.windows.net/messages", "/messages"),
    ],
)
def test_urls_that_azure_would_refuse_are_refused_when_they_are_saved(
    config: dict[str, str], url: str, word: str
) -> None:
    assert word in (auth.check_url(config, url) or "")


@pytest.mark.parametrize("config", [BLOB, HUB_READY, HUB_KEY])
def test_nothing_secret_shows_in_what_was_made_ready(config: dict[str, str]) -> None:
    shown = repr(auth.prepare(config))
    assert KEY not in shown
    assert SIGNATURE not in shown
