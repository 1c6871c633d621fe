"""Lanes in a thread of their own around a real sender, as in the worker, and targets for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import uuid4

from connectors import profiles, retry, signing
from connectors.auth.prepared import Prepared
from connectors.dispatch import EventText, Target
from connectors.egress import EgressPolicy
from connectors.lanes import Lanes
from connectors.making import Work
from connectors.outbox import Due, Result
from connectors.sender import Sender
from portal.events import catalogue

ANYWHERE = EgressPolicy(allow=(ip_network("127.0.0.1/32"),), allow_http=True)
TEXT = json.dumps(catalogue.sample_document("gateway/online", str(uuid4())))


class Running:
    """Lanes in a thread of their own, as in the worker."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.given_back: list[Due] = []
        self._sender = Sender(ANYWHERE, max_sockets=64)
        self.lanes = Lanes(
            self._sender, done=self.results.append, discard=self._discard, room=lambda requests, _: 64 - requests
        )
        self._thread = threading.Thread(target=self.lanes.run)

    def _discard(self, dues: Collection[Due]) -> None:
        self.given_back += dues

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.lanes.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._sender.close()

    def deliver(self, target: Target, count: int, text: str = TEXT) -> list[Work]:
        works = [work_for(target, text) for _ in range(count)]
        self.lanes.deliver(works)
        return works

    def retarget(self, target: Target) -> None:
        self.lanes.retarget({target.connector_id: target}, ())


def work_for(target: Target, text: str = TEXT, attempts: int = 0) -> Work:
    due = Due(
        id=uuid4(),
        organization_id=target.organization_id,
        connector_id=target.connector_id,
        event_id=uuid4(),
        attempts=attempts,
        next_at=datetime.now(UTC),
        crashes=0,
    )
    return Work(due=due, event=EventText(text), shard=target.shard, epoch=1)


def target(url: str, **fields: object) -> Target:
    made = Target(
        connector_id=uuid4(),
        organization_id=uuid4(),
        shard=0,
        enabled=True,
        url=url,
        exempt=None,
        profile=profiles.PROFILES["standard.2026-11"],
        context=profiles.PLAIN,
        format="standard.2026-11",
        scheme=signing.SCHEMES["none"],
        keys=(),
        credentials={},
        auth=Prepared(),
        routes={},
        policy=retry.POLICIES["standard"],
        batch=None,
        concurrency=1,
        rate_limit=None,
        ordered=False,
    )
    return replace(made, **fields)  # type: ignore[arg-type]
