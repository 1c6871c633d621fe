"""What an organization chooses for itself; its languages are tried where they are used."""

from __future__ import annotations

from portal.tenants.models import Organization
from tests.rest.world import World, patch

ORGANIZATION = "/api/v1/organization/"


def requires(world: World) -> bool:
    return Organization.objects.get(id=world.ours.organization.id).requires_ownership_check


def test_an_admin_requires_ownership_checks(world: World) -> None:
    assert world.reader.get(ORGANIZATION).json()["requires_ownership_check"] is False
    for caller in (world.manager, world.partner, world.teammate, world.reader):
        assert caller.patch(ORGANIZATION, {"requires_ownership_check": True}, format="json").status_code == 403
    assert not requires(world)
    assert patch(world.admin, ORGANIZATION, {"requires_ownership_check": True})["requires_ownership_check"] is True
    assert requires(world)
    patch(world.stranger, ORGANIZATION, {"requires_ownership_check": False})
    assert requires(world)
