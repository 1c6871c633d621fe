"""Objects put into an S3-compatible server that recomputes AWS's signatures.

It does not hash the body again: that `X-Amz-Content-SHA256` is the body's is shown beside botocore, in test_sigv4.py.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from connectors import auth
from connectors.message import Outcome
from connectors.sender import send_now
from tests.connectors.sending import LOOPBACK, request
from tests.proof.conftest import Store

pytestmark = pytest.mark.whole

JSON = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))


def put(
    store: Store, body: bytes, *, path: str = "/feeds/site%20-4", secret: str = "", now: datetime | None = None
) -> Outcome:
    config = {
        "type": "sigv4",
        "region": "eu-central-1",
        "service": "s3",
        "access_key_id": store.account,
        "secret_access_key": secret or store.key,
    }
    url = store.url + path
    assert auth.check(config) == {}
    assert auth.check_url(config, url) is None
    finish = auth.prepare(config).finish
    assert finish is not None
    signed = finish(request(url, headers=JSON, body=body), now or datetime.now(UTC))
    return send_now(signed, LOOPBACK)


def objects(store: Store) -> dict[str, bytes]:
    """Key → content of everything in the bucket, from the server's own files."""
    suffix = "._S3rver_object"
    bucket = store.folder / "feeds"
    found = [path for path in bucket.rglob("*") if path.is_file() and path.name.endswith(suffix)]
    return {str(path.relative_to(bucket)).removesuffix(suffix): path.read_bytes() for path in found}


@pytest.mark.line(42, 43, 54, 55)
def test_each_batch_becomes_an_object_under_its_utc_date(s3: Store) -> None:
    before = objects(s3)
    now = datetime.now(UTC)
    bodies = [b'[{"batch":%d}]' % number for number in range(3)]
    assert [put(s3, body, now=now).status for body in bodies] == [200] * 3  # all in one millisecond
    made = {key: content for key, content in objects(s3).items() if key not in before}
    assert sorted(made.values()) == bodies
    for key in made:
        assert re.fullmatch(rf"site -4/{now:%Y/%m/%d}/\d{{13}}-[0-9a-f]{{16}}", key)


@pytest.mark.line(54)
@pytest.mark.parametrize("change", [{"secret": "wrong"}, {"now": datetime.now(UTC) - timedelta(hours=1)}])
def test_a_wrong_or_an_old_signature_is_refused_and_nothing_is_stored(s3: Store, change: dict[str, str]) -> None:
    before = objects(s3)
    outcome = put(s3, b"[]", **change)
    assert outcome.status == 403
    assert b"SignatureDoesNotMatch" in outcome.body or b"RequestTimeTooSkewed" in outcome.body
    assert objects(s3) == before
