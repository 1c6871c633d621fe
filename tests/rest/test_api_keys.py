from __future__ import annotations

from datetime import timedelta

from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import ApiKey
from tests.rest.world import World, by_key, client_of, errors, make_key, post

KEYS = "/api/v1/api-keys/"
BODY = {"name": "Export", "scopes": ["read"]}


def count(world: World) -> int:
    with scope.organization(world.ours.organization.id):
        return ApiKey.objects.count()


def test_a_key_is_shown_once_works_and_is_revoked(world: World) -> None:
    made = post(world.owner, KEYS, BODY)
    client = client_of(made["key"])
    assert client.get("/api/v1/gateways/").status_code == 200
    listed = world.owner.get(KEYS)
    assert made["id"] in {row["id"] for row in listed.json()["results"]}
    assert made["key"].rpartition("_")[2] not in listed.content.decode()
    assert world.owner.delete(f"{KEYS}{made['id']}/").status_code == 204
    assert client.get("/api/v1/gateways/").status_code == 401
    assert world.owner.delete(f"{KEYS}{made['id']}/").status_code == 204


def test_six_months_unless_said_otherwise(world: World) -> None:
    made = post(world.owner, KEYS, BODY)
    assert clock.rfc3339(clock.now() + timedelta(days=182)) < made["expires_at"]
    assert made["expires_at"] < clock.rfc3339(clock.now() + timedelta(days=184))
    past = BODY | {"expires_at": "2020-01-01T00:00:00Z"}
    assert "/expires_at" in errors(world.owner.post(KEYS, past, format="json"))


def test_keys_are_an_admins(world: World) -> None:
    before = count(world)
    for caller in (world.teammate, world.manager, world.reader):
        assert caller.get(KEYS).status_code == 403
    assert world.teammate.post(KEYS, BODY, format="json").status_code == 403
    assert count(world) == before


def test_a_key_cannot_give_what_it_has_not(world: World) -> None:
    admin = by_key(world.ours, ["admin"])
    before = count(world)
    refused = admin.post(KEYS, {"name": "More", "scopes": ["read", "ingest"]}, format="json")
    assert errors(refused) == {"/scopes": "You cannot grant what you do not have: ingest."}
    assert count(world) == before
    assert post(admin, KEYS, {"name": "Less", "scopes": ["manage", "read"]})["scopes"] == ["read", "manage"]


def test_a_partners_admin_key_stays_in_its_company(world: World) -> None:
    assert post(world.partner, KEYS, BODY)["company"] == str(world.ours.company.id)
    other = BODY | {"company": str(world.ours.other_company.id)}
    refused = world.partner.post(KEYS, other, format="json")
    assert errors(refused) == {"/company": "There is no such company."}
    companies = {row["company"] for row in world.partner.get(KEYS).json()["results"]}
    assert companies == {str(world.ours.company.id)}


def test_any_valid_key_renews_itself_and_gets_no_more(world: World) -> None:
    key = make_key(world.ours, ["ingest"], world.ours.company)
    renewed = post(client_of(key), KEYS, {})
    assert (renewed["scopes"], renewed["company"]) == (["ingest"], str(world.ours.company.id))
    again = post(client_of(renewed["key"]), KEYS, {"name": "The next"})
    assert (again["name"], again["scopes"]) == ("The next", ["ingest"])
    before = count(world)
    far = clock.rfc3339(clock.now() + timedelta(days=3650))
    for more in ({"scopes": ["ingest", "read"]}, {"expires_at": far}, {"company": str(world.ours.other_company.id)}):
        refused = client_of(key).post(KEYS, more, format="json")
        assert list(errors(refused)) == [f"/{next(iter(more))}"]
    assert count(world) == before
    expired = make_key(world.ours, ["read"], expires_at=clock.now() - timedelta(seconds=1))
    assert client_of(expired).post(KEYS, {}, format="json").status_code == 401


def test_ten_live_keys_per_owner(world: World) -> None:
    for number in range(10):
        made = post(world.owner, KEYS, BODY | {"name": str(number)})
    refused = world.owner.post(KEYS, BODY, format="json")
    assert refused.status_code == 409
    post(world.owner, KEYS, BODY | {"company": str(world.ours.other_company.id)})  # the company's own ten
    assert world.owner.delete(f"{KEYS}{made['id']}/").status_code == 204
    post(world.owner, KEYS, BODY)
