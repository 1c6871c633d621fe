"""A stored client certificate, through the sender, before a TLS server that asks for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors import auth
from connectors.message import ErrorClass, Outcome
from connectors.sender import send_now
from tests.connectors.sending import LOOPBACK, request
from tests.connectors.servers import Authority
from tests.receiver import Receiver


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def sent(url: str, authority: Authority, issuer: Authority, line_end: str = "\n") -> Outcome:
    pair = issuer.client("feeder")
    config: dict[str, Any] = {
        "type": "mtls",
        "certificate": pair.certificate.replace("\n", line_end),
        "private_key": pair.private_key.replace("\n", line_end),
    }
    assert auth.check(config) == {}
    certificate = auth.prepare(config).certificate
    return send_now(request(url, certificate=certificate), LOOPBACK, ca_file=authority.file)


@pytest.mark.line(135)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["as made", "as a web form sends it"])
def test_a_server_that_asks_for_a_certificate_lets_it_in(authority: Authority, line_end: str) -> None:
    with Receiver(tls=authority.asking()) as receiver:
        assert sent(receiver.url, authority, authority, line_end).status == 200
        assert len(receiver.requests) == 1


@pytest.mark.line(135)
def test_a_certificate_of_another_authority_is_a_failure_and_nothing_arrives(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with Receiver(tls=authority.asking()) as receiver:
        outcome = sent(receiver.url, authority, Authority(tmp_path / "other"))
        # In TLS 1.3 the server refuses when the handshake is over for the client: as an alert or as an end.
        assert outcome.error in (ErrorClass.TLS, ErrorClass.CONNECTION)
        assert receiver.requests == []
