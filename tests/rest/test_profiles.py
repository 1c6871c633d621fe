from __future__ import annotations

import json

import pytest

from connectors.profiles import PROFILES
from portal.events.catalogue import CATALOGUE
from tests.rest.world import World

PATH = "/api/v1/profiles/"


def test_every_profile_with_what_it_carries(world: World) -> None:
    for caller in (world.reader, world.teammate, world.partner, world.stranger):
        assert [row["id"] for row in caller.get(PATH).json()["results"]] == list(PROFILES)
    assert world.anonymous.get(PATH).status_code == 401
    shown = {row["id"]: row for row in world.reader.get(PATH).json()["results"]}
    assert shown["standard.2026-11"]["event_types"] == sorted(CATALOGUE)
    assert "datapoint/value" not in shown["gridx.2026-03"]["event_types"]
    assert shown["wattsense.2026-11"]["routes"] == ["values", "events", "alarms"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_shows_the_bytes_of_each_type_or_why_there_are_none(world: World, name: str) -> None:
    answer = world.partner.get(f"{PATH}{name}/")
    assert answer.status_code == 200
    carries = {one["type"]: one for one in answer.json()["carries"]}
    assert list(carries) == sorted(CATALOGUE)
    for event_type, one in carries.items():
        assert PROFILES[name].refusal(event_type) == one["refusal"]
        if one["refusal"] is None:
            json.loads(one["sample"]["body"])
            assert one["sample"]["headers"]["Content-Type"].startswith("application/")
            assert one["schema"]
        else:
            assert (one["sample"], one["schema"]) == (None, None)


def test_a_profile_by_its_name_or_none(world: World) -> None:
    assert world.reader.get(f"{PATH}gridx/").json()["name"] == "gridx"
    assert world.reader.get(f"{PATH}morse/").status_code == 404
    assert world.reader.get(PATH, {"flow": "x"}).status_code == 400
