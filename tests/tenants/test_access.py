from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response

from portal.fleet.models import Gateway
from portal.lib.uuid7 import uuid7
from portal.tenants import access, scope
from portal.tenants.access import ADMIN, INGEST, MANAGE, OPERATE, OWN, READ, Access, AccessMiddleware, get_or_404
from portal.tenants.models import ApiKey, Company, KeyScope, Membership, Organization, Role
from portal.tenants.rest import TenantAPIView
from portal.tenants.scope import NoOrganization
from tests.conftest import Tenant
from tests.world import make_gateway

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
EVERYTHING = (READ, INGEST, OPERATE, MANAGE, ADMIN, OWN)


def whoami(request: HttpRequest) -> HttpResponse:
    """Whom the middleware took the request for, and in which scope its view runs."""
    found: Any = request
    try:
        inside = str(scope.current().organization)
    except NoOrganization:
        inside = "none"
    return HttpResponse(f"{found.access.who if found.access else 'nobody'} {inside}")


def broken(request: HttpRequest) -> HttpResponse:
    assert scope.current().organization
    raise RuntimeError("a bug")


class Broken(TenantAPIView):
    def get(self, request: Request) -> Response:
        assert scope.current().organization
        raise RuntimeError("a bug")


urlpatterns = [
    path("whoami", whoami),
    path("broken", broken),
    path("api/v1/broken/", Broken.as_view()),
    path("", include("portal.urls")),
]
handler500 = "portal.tenants.views.server_error"


def signed_in(person: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person, backend=BACKEND)
    return client


def whose(client: Client) -> str:
    return client.get("/whoami").content.decode()


@pytest.fixture(autouse=True)
def no_scope_is_left() -> Iterator[None]:
    yield
    with pytest.raises(NoOrganization):
        scope.current()


ROLES = {
    Role.VIEWER: {READ},
    Role.OPERATOR: {READ, OPERATE},
    Role.ADMIN: {READ, OPERATE, INGEST, MANAGE, ADMIN},
    Role.OWNER: {READ, OPERATE, INGEST, MANAGE, ADMIN, OWN},
}
KEYS = {
    KeyScope.INGEST: {INGEST},
    KeyScope.READ: {READ},
    KeyScope.MANAGE: {READ, OPERATE, MANAGE},
    KeyScope.ADMIN: {READ, OPERATE, MANAGE, ADMIN},
}


def check_allows_exactly(found: Access, allowed: set[str]) -> None:
    assert {one for one in EVERYTHING if found.allows(one)} == allowed
    for one in EVERYTHING:
        if one in allowed:
            found.require(one)
        else:
            with pytest.raises(PermissionDenied, match=r"^This needs .*role"):
                found.require(one)


@pytest.mark.parametrize("role", Role.values)
def test_what_a_role_may(tenant: Tenant, role: str) -> None:
    membership = access.memberships(tenant.people[role])[0]
    check_allows_exactly(access.of_member(membership), ROLES[Role(role)])


@pytest.mark.parametrize("kind", KeyScope.values)
def test_what_a_keys_scope_may(in_tenant: Tenant, kind: str) -> None:
    check_allows_exactly(access.of_key(ApiKey.objects.get(name=kind)), KEYS[KeyScope(kind)])


def test_scopes_of_a_key_add_up_and_none_may_nothing(in_tenant: Tenant) -> None:
    key = ApiKey.objects.get(name="read")
    key.scopes = ["ingest", "read"]
    check_allows_exactly(access.of_key(key), {READ, INGEST})
    key.scopes = []
    check_allows_exactly(access.of_key(key), set())


def test_a_narrowed_key_works_in_its_companys_scope(in_tenant: Tenant) -> None:
    key = ApiKey.objects.get(name="all")
    key.company = in_tenant.company
    with access.of_key(key).scope():
        assert scope.current() == scope.Scope(in_tenant.organization.id, in_tenant.company.id)


def test_one_object_or_404(in_tenant: Tenant, stranger: Tenant) -> None:
    gateway = make_gateway()
    assert get_or_404(Gateway, pk=gateway.id) == gateway
    assert get_or_404(Gateway.objects.select_related("system"), pk=str(gateway.id)) == gateway
    for key in (uuid7(), "x", "", "\x00", None, 7, stranger.company.id):
        with pytest.raises(Http404):
            get_or_404(Gateway, pk=key)
    with pytest.raises(Http404):
        get_or_404(Company, pk=stranger.company.id)


def test_a_lookup_without_a_scope_is_an_error_and_no_404(tenant: Tenant) -> None:
    with pytest.raises(NoOrganization):
        get_or_404(Company, pk=tenant.company.id)


def join(person: Any, organization: Organization, role: str = Role.VIEWER) -> Membership:
    with scope.organization(organization.id):
        return Membership.objects.create(user=person, role=role)


@pytest.mark.urls(__name__)
def test_a_person_works_in_the_first_of_their_organizations_until_they_choose(tenant: Tenant, stranger: Tenant) -> None:
    person = tenant.people["owner"]
    join(person, stranger.organization)
    client = signed_in(person)
    fremd, nordlys = str(stranger.organization.id), str(tenant.organization.id)
    assert whose(client) == f"user:owner@nordlys.example {fremd}"  # Fremd sorts first
    assert client.post("/organization/switch/", {"organization": nordlys}).status_code == 302
    assert whose(client) == f"user:owner@nordlys.example {nordlys}"
    assert whose(signed_in(person)).endswith(fremd)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("chosen", ["theirs", "x", "", str(UUID(int=1))])
def test_nobody_switches_to_where_they_do_not_belong(tenant: Tenant, stranger: Tenant, chosen: str) -> None:
    client = signed_in(tenant.people["owner"])
    wanted = str(stranger.organization.id) if chosen == "theirs" else chosen
    assert client.post("/organization/switch/", {"organization": wanted}).status_code == 404
    assert whose(client).endswith(str(tenant.organization.id))


@pytest.mark.urls(__name__)
def test_a_membership_that_ends_ends_at_once(tenant: Tenant, stranger: Tenant) -> None:
    person = tenant.people["admin"]
    extra = join(person, stranger.organization)
    client = signed_in(person)
    client.post("/organization/switch/", {"organization": str(stranger.organization.id)})
    assert whose(client).endswith(str(stranger.organization.id))
    with scope.organization(stranger.organization.id):
        extra.delete()
    assert whose(client).endswith(str(tenant.organization.id))
    with scope.organization(tenant.organization.id):
        Membership.objects.filter(user=person).delete()
    assert whose(client) == "nobody none"
    assert client.get("/").status_code == 403
    assert client.get("/api/v1/gateways/").status_code == 403


@pytest.mark.urls(__name__)
def test_a_role_that_is_taken_is_gone_at_once(tenant: Tenant) -> None:
    client = signed_in(tenant.people["admin"])
    body, path_ = '{"name": "New"}', "/api/v1/companies/"
    assert client.post(path_, body, content_type="application/json").status_code == 201
    with scope.organization(tenant.organization.id):
        Membership.objects.filter(user=tenant.people["admin"]).update(role=Role.VIEWER)
    assert client.post(path_, body.replace("New", "Newer"), content_type="application/json").status_code == 403
    with scope.organization(tenant.organization.id):
        assert not Company.objects.filter(name="Newer").exists()


@pytest.mark.urls(__name__)
def test_a_person_who_is_switched_off_is_nobody_at_once(tenant: Tenant) -> None:
    person = tenant.people["owner"]
    client = signed_in(person)
    person.is_active = False
    person.save()
    assert whose(client) == "nobody none"


@pytest.mark.urls(__name__)
def test_without_a_session_there_is_no_scope_and_no_query(db: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert whose(Client()) == "nobody none"
    assert len(captured) == 0


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/broken", "/api/v1/broken/"])
@pytest.mark.parametrize("by", ["session", "key"])
def test_a_view_that_raises_leaves_no_scope_behind(tenant: Tenant, address: str, by: str) -> None:
    client = signed_in(tenant.people["owner"]) if by == "session" else Client(raise_request_exception=False)
    headers = {"X-API-Key": tenant.keys["read"]} if by == "key" else {}
    assert client.get(address, headers=headers).status_code == 500
    assert whose(Client()) == "nobody none"


def test_the_middleware_leaves_no_scope_behind_whatever_comes_through_it(tenant: Tenant) -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        assert scope.current() == scope.Scope(tenant.organization.id)
        raise RuntimeError("a bug")

    request = RequestFactory().get("/")
    request.user, request.session = tenant.people["owner"], {}  # type: ignore[assignment]
    with pytest.raises(RuntimeError):
        AccessMiddleware(fail)(request)


@pytest.mark.urls(__name__)
def test_a_key_beside_a_session_decides(tenant: Tenant, stranger: Tenant) -> None:
    client = signed_in(tenant.people["owner"])
    answer = client.get("/api/v1/organization/", headers={"Authorization": f"Bearer {stranger.keys['read']}"})
    assert answer.json()["name"] == "Fremd"
    assert whose(client).endswith(str(tenant.organization.id))
