"""REST: the organization, its companies, and its API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters.rest_framework as django_filters
from django.db.models import Q
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.lib import clock
from portal.lib.paging import NewestFirst
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, Reference, Strict, StrictModel
from portal.tenants import limits
from portal.tenants.access import ADMIN, SCOPE_PERMISSIONS, Access
from portal.tenants.authentication import HasAccess
from portal.tenants.models import KEY_LIFE, LIVE_KEYS_PER_OWNER, ApiKey, Company, KeyScope, Organization
from portal.tenants.rest import Editable, TenantViewSet

LANGUAGES_HELP = "Which translation of a text is sent: language tags such as `en` or `nl`, the best first."
OWNERSHIP_HELP = (
    "Connectors can be switched on only after the receiver has shown that it wants to be sent to. Those that are on"
    " stay on until their host changes. To change this needs the role admin or a key with the scope admin."
)
AUTO_ACCEPT_HELP = (
    "New contracts are accepted at once, in the name of every partner: agree on that with all of them. Those that are"
    " pending stay so."
)
REDIRECT_HELP = (
    "Where the partner's links may send people back to: whole https addresses. A link counts only if its `redirectUri`"
    " is one of them, letter by letter. The organization's to change."
)


class OrganizationSerializer(StrictModel[Organization]):
    created_at = Moment(read_only=True)
    counts = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = (
            "id", "name", "plan", "languages", "requires_ownership_check", "auto_accept_contracts", "created_at",
            "counts", "limits",
        )  # fmt: skip
        read_only_fields = ("id", "name", "plan", "created_at")
        extra_kwargs = {
            "languages": {"allow_empty": False, "help_text": LANGUAGES_HELP},
            "requires_ownership_check": {"help_text": OWNERSHIP_HELP},
            "auto_accept_contracts": {"help_text": AUTO_ACCEPT_HELP},
        }

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_counts(self, _: Organization) -> dict[str, int]:
        return limits.counts()

    @extend_schema_field({"type": "object"})
    def get_limits(self, _: Organization) -> dict[str, Any]:
        return limits.limits()


class OrganizationView(TenantViewSet[Organization]):
    """The caller's own organization. Languages and switches are its own to choose; the rest is the operator's."""

    serializer_class = OrganizationSerializer
    organization_only = True

    def retrieve(self, request: Request) -> Response:
        return Response(self.get_serializer(self.access.organization).data)

    def partial_update(self, request: Request) -> Response:
        current = Organization.objects.select_for_update().get(id=self.access.organization.id)
        serializer = self.get_serializer(current, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        if "requires_ownership_check" in serializer.validated_data:
            self.access.require(ADMIN)
        serializer.save()
        return Response(serializer.data)


class CompanySerializer(StrictModel[Company]):
    class Meta:
        model = Company
        fields = (
            "id", "name", "external_id", "data_points_enabled", "daily_aggregates_enabled", "languages",
            "redirect_uris", "created_at",
        )  # fmt: skip
        extra_kwargs = {
            "external_id": {"allow_blank": False},
            "languages": {"help_text": f"{LANGUAGES_HELP} Empty: its organization's."},
            "redirect_uris": {"help_text": REDIRECT_HELP},
        }


class CompanyFilter(Filters):
    external_id = django_filters.CharFilter()
    name = django_filters.CharFilter()


class CompanyView(Editable[Company]):
    """Companies inside the organization. A company's own key sees and changes its own opt-ins only."""

    model = Company
    serializer_class = CompanySerializer
    filterset_class = CompanyFilter
    http_method_names = ["get", "post", "patch", "head"]
    taken = {"company_name_once": "name", "company_external_id_once": "external_id"}
    opt_ins = frozenset({"data_points_enabled", "daily_aggregates_enabled"})

    def perform_create(self, serializer: serializers.BaseSerializer[Company]) -> None:
        if self.access.company_id is not None:
            raise PermissionDenied("This needs a key of the whole organization; yours is for one company.")
        serializer.save()

    def perform_update(self, serializer: serializers.BaseSerializer[Company]) -> None:
        others = set(serializer.validated_data) - self.opt_ins
        if self.access.company_id is not None and others:
            raise PermissionDenied("A company's own key changes its opt-ins only.")
        serializer.save()


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    created_at = Moment(read_only=True)
    expires_at = Moment(read_only=True)
    revoked_at = Moment(read_only=True, allow_null=True)
    last_used_at = Moment(read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id", "name", "prefix", "scopes", "company", "created_at", "expires_at", "revoked_at", "last_used_at",
        )  # fmt: skip


class NewApiKeySerializer(Strict):
    """What a new key may be given. A renewal needs none of it."""

    name = serializers.CharField(max_length=200, required=False)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=KeyScope.choices), allow_empty=False, required=False
    )
    company = Reference(Company, allow_null=True, required=False)
    expires_at = Moment(required=False)

    def validate_expires_at(self, value: datetime) -> datetime:
        if value <= clock.now():
            raise ValidationError("The time must be in the future.")
        return value

    def validate_scopes(self, value: list[str]) -> list[str]:
        return [scope for scope in KeyScope.values if scope in value]


class IssuedApiKeySerializer(ApiKeySerializer):
    """A new key, with the key itself: the only time that it is shown."""

    key = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields: tuple[str, ...] = (*ApiKeySerializer.Meta.fields, "key")


class ManagesKeysOrRenews(HasAccess):
    """Keys are an admin's; but any valid key may renew itself."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        access: Access | None = getattr(request, "access", None)
        if request.method == "POST" and access is not None and access.key is not None:
            return True
        return super().has_permission(request, view)


class ApiKeyView(mixins.ListModelMixin, TenantViewSet[ApiKey]):
    """Keys of machines. A key can give no more than it has; without the scope admin it can only renew itself."""

    model = ApiKey
    serializer_class = ApiKeySerializer
    pagination_class = NewestFirst
    permission_classes: list[type[BasePermission]] = [ManagesKeysOrRenews]
    needs = {"GET": ADMIN, "HEAD": ADMIN, "POST": ADMIN, "DELETE": ADMIN}

    @extend_schema(request=NewApiKeySerializer, responses={201: IssuedApiKeySerializer})
    def create(self, request: Request) -> Response:
        wanted = NewApiKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row, secret = create_key(self.access, dict(wanted.validated_data), clock.now())
        return Response({**ApiKeySerializer(row).data, "key": secret}, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        row = self.get_object()
        if row.revoked_at is None:
            row.revoked_at = clock.now()
            row.save(update_fields=["revoked_at"])
        return Response(status=204)


def create_key(access: Access, wanted: dict[str, Any], now: datetime) -> tuple[ApiKey, str]:
    """A new key and its secret. Raises ValidationError for more than the caller may give, Conflict beyond the limit."""
    if not access.allows(ADMIN) and access.key is not None:
        wanted = _renewal(access.key, wanted, now)
    if not wanted.get("name"):
        if access.key is None:
            raise ValidationError({"name": "This field is required."})
        wanted["name"] = access.key.name
    scopes = wanted.get("scopes") or (access.key.scopes if access.key is not None else None)
    if not scopes:
        raise ValidationError({"scopes": "This field is required."})
    beyond = [scope for scope in scopes if not SCOPE_PERMISSIONS[scope] <= access.permissions]
    if beyond:
        raise ValidationError({"scopes": f"You cannot grant what you do not have: {', '.join(beyond)}."})
    company = wanted.get("company")
    row = ApiKey(
        name=wanted["name"],
        scopes=scopes,
        company_id=company.id if company is not None else access.company_id,
        created_by=access.user,
        expires_at=wanted.get("expires_at") or now + KEY_LIFE,
    )
    _refuse_beyond_limit(row, access.organization, now)
    secret = row.set_secret()
    row.save()
    return row, secret


def _renewal(key: ApiKey, wanted: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A key without the scope admin gets its like: no other scopes, no other company, no longer life."""
    errors = {}
    if sorted(wanted.get("scopes") or key.scopes) != sorted(key.scopes):
        errors["scopes"] = "A key renews itself with the scopes it has."
    company = wanted.get("company")
    if company is not None and company.id != key.company_id:
        errors["company"] = "A key renews itself for the company it has."
    if wanted.get("expires_at") and wanted["expires_at"] > now + KEY_LIFE:
        errors["expires_at"] = f"A key renews itself for at most {KEY_LIFE.days} days."
    if errors:
        raise ValidationError(errors)
    return wanted


def _refuse_beyond_limit(row: ApiKey, organization: Organization, now: datetime) -> None:
    """The owner is the key's company, else the person who made it, else the organization.

    The organization's row is locked, so that two calls at once cannot both be the tenth.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if row.company_id is not None:
        owned = Q(company_id=row.company_id)
    elif row.created_by_id is not None:
        owned = Q(company=None, created_by_id=row.created_by_id)
    else:
        owned = Q(company=None, created_by=None)
    if ApiKey.objects.filter(owned, revoked_at=None, expires_at__gt=now).count() >= LIVE_KEYS_PER_OWNER:
        raise Conflict(f"At most {LIVE_KEYS_PER_OWNER} live keys per owner: revoke one first.")
