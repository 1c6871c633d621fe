"""Servers that the operator names."""

import socket

import pytest

from portal.runtime import named
from portal.runtime.program import StartError


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "PATIENCE_SECONDS", 0.2)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_broker_is_named_without_its_password() -> None:
    port = _closed_port()
    with pytest.raises(StartError) as refused:
        named.check_broker(f"redis://:hush@127.0.0.1:{port}/3")
    assert str(refused.value).startswith(f"Redis at 127.0.0.1:{port}/3 is not reachable: ")
    assert "hush" not in str(refused.value)


@pytest.mark.usefixtures("impatient")
def test_an_address_that_is_no_redis_address() -> None:
    with pytest.raises(StartError, match="not reachable"):
        named.check_broker("http://127.0.0.1/")
