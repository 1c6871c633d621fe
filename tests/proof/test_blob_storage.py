"""Blobs put into Azurite, Microsoft's own emulator of Azure Storage, with a SAS that its owner made."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from connectors import auth
from connectors.message import Outcome
from connectors.sender import send_now
from tests.connectors.sending import LOOPBACK, request
from tests.proof.azure_tokens import account_sas, container_sas
from tests.proof.conftest import Store

pytestmark = pytest.mark.whole

JSON = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))
OTHER_KEY = b64encode(bytes(32)).decode()


class Owner:
    """The partner who owns the account, beside the product."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sas = account_sas(store.account, store.key, end=datetime.now(UTC) + timedelta(hours=1))

    def call(self, path: str, query: str = "", method: str = "GET") -> tuple[bytes, str]:
        """The answer's body and media type."""
        url = f"{self._store.url}{path}?{query}&{self._sas}"
        headers = {"Content-Length": "0"} if method == "PUT" else {}
        with urlopen(Request(url, method=method, headers=headers), timeout=10) as answer:
            return answer.read(), answer.headers["Content-Type"]

    def names(self) -> set[str]:
        listed, _ = self.call("/feeds", "restype=container&comp=list")
        return set(re.findall("<Name>([^<]*)</Name>", listed.decode()))


@pytest.fixture(scope="module")
def owner(azurite: Store) -> Iterator[Owner]:
    owner = Owner(azurite)
    owner.call("/feeds", "restype=container", "PUT")
    return owner


def put(
    store: Store, body: bytes, *, key: str = "", hours: int = 1, rights: str = "c", now: datetime | None = None
) -> Outcome:
    end = datetime.now(UTC) + timedelta(hours=hours)
    token = container_sas(store.account, key or store.key, "feeds", rights=rights, end=end)
    config = {"type": "azure_sas", "service": "blob", "token": token}
    url = f"{store.url}/feeds/site-4"
    assert (auth.check(config) == {}) == (hours > 0 and "c" in rights)  # refused already when it is saved
    assert auth.check_url(config, url) is None
    finish = auth.prepare(config).finish
    assert finish is not None
    return send_now(finish(request(url, headers=JSON, body=body), now or datetime.now(UTC)), LOOPBACK)


@pytest.mark.line(42, 43, 56, 57)
@pytest.mark.parametrize("rights", ["c", "cw", "racwdl"])
def test_each_batch_becomes_a_block_blob_under_its_utc_date(azurite: Store, owner: Owner, rights: str) -> None:
    before = owner.names()
    now = datetime.now(UTC)
    bodies = [b'[{"batch":%d}]' % number for number in range(3)]
    assert [put(azurite, body, rights=rights, now=now).status for body in bodies] == [201] * 3  # all in one millisecond
    made = owner.names() - before
    assert sorted(owner.call(f"/feeds/{name}") for name in made) == [(body, "application/json") for body in bodies]
    for name in made:
        assert re.fullmatch(rf"site-4/{now:%Y/%m/%d}/\d{{13}}-[0-9a-f]{{16}}\.json", name)


@pytest.mark.line(56)
@pytest.mark.parametrize("change", [{"key": OTHER_KEY}, {"hours": -1}, {"rights": "rl"}])
def test_a_wrong_signature_an_old_token_or_lacking_rights_are_refused(
    azurite: Store, owner: Owner, change: dict[str, str]
) -> None:
    before = owner.names()
    outcome = put(azurite, b"[]", **change)
    assert outcome.status == 403
    assert owner.names() == before


def test_without_a_token_nothing_can_be_read_or_written(azurite: Store, owner: Owner) -> None:
    with pytest.raises(HTTPError) as raised:
        urlopen(f"{azurite.url}/feeds?restype=container&comp=list", timeout=10)
    raised.value.close()
    assert raised.value.code in (403, 404)
