"""AWS signatures: the published vectors, botocore on its own, and what each service is sent (S1 lines 54, 55)."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

import pytest
import time_machine
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from connectors import auth
from connectors.message import Request
from tests.connectors.auth.requests import BODY, prepared, request

AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SUITE = {
    "type": "sigv4",
    "region": "us-east-1",
    "service": "service",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
"""The credentials of AWS's signing test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4)."""
S3 = {**SUITE, "service": "s3", "region": "eu-central-1"}
BUCKET = "https://feeds.s3.eu-central-1.amazonaws.com/site-4"
SESSION = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"


def signed(config: dict[str, str], before: Request) -> Request:
    finish = prepared(config, before.url).finish
    assert finish is not None
    return finish(before, AT)


def authorization(after: Request) -> str:
    return dict(after.headers)["Authorization"]


ROOT = "https://example.amazonaws.com/"
VECTORS = [
    ("get-vanilla", "GET", ROOT, {}, b"", "host", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        ROOT + "?Param2=value2&Param1=value1",
        {},
        b"",
        "host",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    ("post-vanilla", "POST", ROOT, {}, b"", "host", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "post-x-www-form-urlencoded",
        "POST",
        ROOT,
        {"Content_Type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "content-type;host",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
]


@pytest.mark.line(54)
@pytest.mark.parametrize(("name", "method", "url", "headers", "body", "names", "signature"), VECTORS)
def test_the_vectors_that_aws_publishes(
    name: str, method: str, url: str, headers: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    config = auth.prepare(SUITE)  # their host names no region, so it could not be saved
    assert config.finish is not None
    after = config.finish(request(url, method=method, body=body, **headers), AT)
    assert authorization(after) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names};x-amz-date, Signature={signature}"
    ), name
    assert dict(after.headers)["X-Amz-Date"] == "20150830T123600Z"


@pytest.mark.line(54)
def test_a_session_token_is_sent_and_signed_as_in_the_published_vector() -> None:
    made = auth.prepare({**SUITE, "session_token": SESSION})
    assert made.finish is not None
    after = made.finish(request(ROOT, method="GET", body=b""), AT)
    assert dict(after.headers)["X-Amz-Security-Token"] == SESSION
    assert authorization(after).endswith("=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8")
    assert made.secret_names == {"Authorization", "X-Amz-Security-Token"}


@pytest.mark.line(41, 54)
def test_other_services_are_sent_a_post_to_the_url_as_it_is() -> None:
    url = "https://sqs.us-east-1.amazonaws.com/4711/queue?Action=SendMessage"
    after = signed({**SUITE, "service": "sqs"}, request(url, Content_Type="application/json", webhook_id="msg_1"))
    assert (after.method, after.url, after.body) == ("POST", url, BODY)
    assert after.headers[:2] == (("Content-Type", "application/json"), ("webhook-id", "msg_1"))
    assert "/us-east-1/sqs/aws4_request" in authorization(after)


@pytest.mark.line(42, 43, 54, 55)
def test_s3_is_put_an_object_without_an_extension_below_the_path() -> None:
    after = signed(S3, request(BUCKET, Content_Type="application/json"))
    assert after.method == "PUT"
    assert re.fullmatch(re.escape(BUCKET) + r"/2015/08/30/1440938160000-[0-9a-f]{16}", after.url)
    assert after.shown_url == ""  # there is no secret in it


@pytest.mark.line(54, 55)
def test_s3_signatures_are_what_botocore_makes_of_the_same_request() -> None:
    after = signed({**S3, "session_token": SESSION}, request(BUCKET + "/a%20b", Content_Type="application/json"))
    credentials = ReadOnlyCredentials(S3["access_key_id"], S3["secret_access_key"], SESSION)
    own = AWSRequest(method="PUT", url=after.url, data=BODY, headers={"Content-Type": "application/json"})
    with time_machine.travel(AT, tick=False):
        S3SigV4Auth(credentials, "s3", "eu-central-1").add_auth(own)
    assert dict(own.headers.items()) == dict(after.headers)
    assert "X-Amz-Content-SHA256" in own.headers


def test_each_attempt_is_signed_anew() -> None:
    finish = prepared(S3, BUCKET).finish
    assert finish is not None
    before = request(BUCKET)
    first, second = finish(before, AT), finish(before, AT.replace(day=31))
    assert "/2015/08/30/" in first.url
    assert "/2015/08/31/" in second.url
    assert authorization(first) != authorization(second)


def test_nothing_of_it_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        signed({**S3, "session_token": SESSION}, request(BUCKET))
    assert SESSION not in caplog.text
    assert S3["secret_access_key"] not in repr(auth.prepare(S3))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"region": ""}, "region"),
        ({"region": "EU Central"}, "region"),
        ({"service": "S3"}, "service"),
        ({"access_key_id": "AK/1"}, "access_key_id"),
        ({"access_key_id": "AK\r\n"}, "access_key_id"),
        ({"secret_access_key": "a b"}, "secret_access_key"),
        ({"secret_access_key": ""}, "secret_access_key"),
        ({"session_token": "a\nb"}, "session_token"),
    ],
)
def test_bad_configurations_are_refused_at_their_field(changes: dict[str, str], field: str) -> None:
    assert set(auth.check({**S3, **changes})) == {field}


GOOD_URLS = [
    BUCKET,
    "https://feeds.s3.eu-central-1.amazonaws.com",
    "https://feeds.s3.dualstack.eu-central-1.amazonaws.com/a",
    "https://feeds.s3-eu-central-1.amazonaws.com/a",
    "https://s3.eu-central-1.amazonaws.com/feeds",
    "https://s3-things.s3.eu-central-1.amazonaws.com/",
    "https://storage.partner.example/feeds/a%20b",
    "https://storage.partner.example:9000/feeds",
]
BAD_URLS = [
    ("https://feeds.s3.amazonaws.com/a", "region"),
    ("https://feeds.s3.eu-west-1.amazonaws.com/a", "region"),
    ("https://s3.eu-central-1.amazonaws.com/", "bucket"),
    ("https://s3-eu-central-1.amazonaws.com", "bucket"),
    ("https://Feeds.s3.eu-central-1.amazonaws.com/a", "small letters"),
    (BUCKET + "?acl", "query"),
    (BUCKET + "/a+b", "path and query"),
    (BUCKET + "/a%2fb", "path and query"),
    (BUCKET + "/a" * 1000, "longer"),
]


@pytest.mark.line(54, 55)
@pytest.mark.parametrize("url", GOOD_URLS)
def test_bucket_urls_that_fit_the_region(url: str) -> None:
    assert auth.check_url(S3, url) is None


@pytest.mark.parametrize(("url", "word"), BAD_URLS)
def test_urls_that_aws_would_refuse_are_refused_when_they_are_saved(url: str, word: str) -> None:
    assert word in (auth.check_url(S3, url) or "")
