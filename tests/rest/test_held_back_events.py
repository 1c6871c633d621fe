"""Events that were held back, over REST: with the reason, and listed apart from those that left."""

from __future__ import annotations

import pytest

from tests.rest.test_deliveries import make_event
from tests.rest.world import World

pytestmark = pytest.mark.line(10)

PATH = "/api/v1/events/"
WHY = "it has occurred once within 1 h, and 3 times are needed"


def test_the_reason_is_shown_and_those_held_back_are_listed_apart(world: World) -> None:
    held, left = make_event(world.ours, held_because=WHY), make_event(world.ours)
    for caller in (world.owner, world.teammate, world.reader):
        assert caller.get(f"{PATH}{held.id}/").json()["held_because"] == WHY
        listed = {one["id"]: one["held_because"] for one in caller.get(PATH).json()["results"]}
        assert listed == {str(held.id): WHY, str(left.id): None}
        for asked, found in (("true", held), ("false", left)):
            assert [one["id"] for one in caller.get(PATH, {"held": asked}).json()["results"]] == [str(found.id)]


def test_they_are_nobody_elses(world: World) -> None:
    held = make_event(world.ours, held_because=WHY)
    for caller in (world.stranger, world.partner):
        assert caller.get(PATH, {"held": "true"}).json()["results"] == []
        assert caller.get(f"{PATH}{held.id}/").status_code == 404
    of_partner = make_event(world.ours, held_because=WHY, company_id=world.ours.company.id)
    assert [one["id"] for one in world.partner.get(PATH, {"held": "true"}).json()["results"]] == [str(of_partner.id)]
