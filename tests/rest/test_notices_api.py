"""Notices and their channels over REST: an admin's to change, a viewer's to read, no partner's."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.channels import MOST_CHANNELS
from connectors.notice_models import NoticeChannel
from connectors.notices import notify
from connectors.telling import tell_due
from portal.lib import clock
from portal.tenants import scope
from tests.receiver import Answer, Receiver
from tests.rest.world import ALL_SCOPES, World, by_key, errors, post

pytestmark = [pytest.mark.django_db, pytest.mark.line(38)]

CHANNELS = "/api/v1/notice-channels/"
NOTICES = "/api/v1/notices/"
SLACK = {"kind": "slack", "address": "https://hooks.slack.com/services/T0/B0/secret"}


def rows() -> list[NoticeChannel]:
    return list(NoticeChannel._base_manager.all())


def listed(client: Any, path: str) -> list[Any]:
    answer = client.get(path)
    assert answer.status_code == 200
    results: list[Any] = answer.json()["results"]
    return results


def test_an_address_is_written_and_never_read(world: World) -> None:
    for client in (world.owner, world.manager):
        made = post(client, CHANNELS, SLACK)
        assert (made["kind"], made["shown"]) == ("slack", "https://hooks.slack.com/…")
        assert "address" not in made
    assert "secret" not in world.owner.get(CHANNELS).content.decode()
    assert len(listed(world.teammate, CHANNELS)) == 2
    assert world.manager.delete(f"{CHANNELS}{made['id']}/").status_code == 204
    assert len(rows()) == 1
    changes = NoticeChannel.pgh_event_model._base_manager.order_by("pgh_id")  # type: ignore[attr-defined]
    assert [one.pgh_label for one in changes] == ["insert", "insert", "delete"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "slack", "address": "https://127.0.0.1:70000/"}, "/address"),
        ({"kind": "slack", "address": "https://192.168.1.1/"}, "/address"),
        ({"kind": "email", "address": "ida@nordlys.example"}, "/address"),
        ({"kind": "email"}, "/address"),
        ({"kind": "fax", "address": "1"}, "/kind"),
        (SLACK | {"shown": "x", "secret": "y"}, "/secret"),
    ],
)
def test_a_bad_channel_is_refused_by_field(world: World, body: dict[str, Any], pointer: str) -> None:
    assert pointer in errors(world.owner.post(CHANNELS, body, format="json"))
    assert rows() == []


def test_there_is_an_end_to_channels(world: World) -> None:
    for _ in range(MOST_CHANNELS):
        post(world.owner, CHANNELS, SLACK)
    assert "/address" in errors(world.owner.post(CHANNELS, SLACK, format="json"))
    assert len(rows()) == MOST_CHANNELS


def test_the_test_says_what_came_of_it(world: World) -> None:
    with Receiver(lambda _: Answer(403)) as receiver:
        made = post(world.owner, CHANNELS, SLACK | {"address": receiver.url})
        path = f"{CHANNELS}{made['id']}/test/"
        assert post(world.manager, path, {}, 200) == {"delivered": False, "error": "It answered 403."}
        assert world.manager.post(path, {}, format="json").status_code == 409
        assert len(receiver.requests) == 1


def test_notices_tell_what_came_of_each_channel(world: World) -> None:
    now = clock.now()
    with Receiver() as receiver:
        made = post(world.owner, CHANNELS, SLACK | {"address": receiver.url})
        for text in ("One aggregate failed.", "Two aggregates failed."):
            notify(world.ours.organization.id, "aggregate_failed", "aggregate:runtime", text, now)
        tell_due(now)
    for client in (world.owner, world.teammate, world.reader):
        (notice,) = listed(client, NOTICES)
        assert (notice["kind"], notice["title"]) == ("aggregate_failed", "A daily aggregate failed")
        assert (notice["text"], notice["count"]) == ("Two aggregates failed.", 2)
        assert notice["first_at"] == notice["last_at"] == clock.rfc3339(now)
        (message,) = notice["messages"]
        assert (message["channel"], message["error"], message["attempts"]) == (made["id"], "", 1)
        assert message["sent_at"] == clock.rfc3339(now)


def test_who_may_not(world: World) -> None:
    made = post(world.owner, CHANNELS, SLACK)
    notify(world.ours.organization.id, "failing", "x", "It fails.", clock.now())
    partner = by_key(world.ours, ALL_SCOPES, world.ours.company)
    for client in (partner, world.stranger):
        assert listed(client, CHANNELS) == listed(client, NOTICES) == []
        assert client.get(f"{CHANNELS}{made['id']}/").status_code == 404
        assert client.delete(f"{CHANNELS}{made['id']}/").status_code in {403, 404}
        assert client.post(f"{CHANNELS}{made['id']}/test/", {}, format="json").status_code in {403, 404}
    assert partner.post(CHANNELS, SLACK, format="json").status_code == 403
    for client in (world.teammate, world.reader, world.ingester):
        assert client.post(CHANNELS, SLACK, format="json").status_code == 403
        assert client.delete(f"{CHANNELS}{made['id']}/").status_code == 403
    assert world.ingester.get(NOTICES).status_code == 403
    (kept,) = rows()
    assert kept.tested_at is None
    with scope.organization(world.theirs.organization.id):
        assert not NoticeChannel.objects.exists()
