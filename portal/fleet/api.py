"""REST: systems, gateways, appliances and data points. The organization's to change: a company's key reads only."""

from __future__ import annotations

from typing import Any

import django_filters.rest_framework as django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.fleet import contracts, happenings, pairing_codes, presence_fields, removal
from portal.fleet.appliance_types import APPLIANCE_TYPES, why_not_kind
from portal.fleet.models import LONGEST_SILENCE, Appliance, DataPoint, DataPointKind, Gateway, System
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, Reference, Strict, StrictModel
from portal.tenants.models import Company
from portal.tenants.rest import Removable


class SystemSerializer(StrictModel[System]):
    class Meta:
        model = System
        fields = ("id", "name", "external_id", "created_at")
        extra_kwargs = {"external_id": {"allow_blank": False}}


class SystemFilter(Filters):
    serial_number = django_filters.CharFilter(method="of_gateway", label="of a gateway of the system")
    external_id = django_filters.CharFilter()
    name = django_filters.CharFilter()

    def of_gateway(self, queryset: QuerySet[System], _name: str, value: str) -> QuerySet[System]:
        return queryset.filter(id__in=Gateway.objects.filter(serial_number=value).values("system_id"))


class SystemView(Removable[System]):
    """Sites. Deleting one deletes its gateways and appliances."""

    model = System
    serializer_class = SystemSerializer
    filterset_class = SystemFilter
    organization_only = True
    taken = {"system_external_id_once": "external_id"}

    def perform_destroy(self, instance: System) -> None:
        removal.remove_system(instance, clock.now())


class GatewaySerializer(presence_fields.Shown, StrictModel[Gateway]):
    system = Reference(System, required=False)
    company = Reference(Company, required=False, allow_null=True)
    sharing = serializers.CharField(
        read_only=True, help_text="`active`, or why the gateway's data points do not leave."
    )

    class Meta:
        model = Gateway
        fields = (
            "id", "system", "company", "access_granted", "serial_number", "name", "model", "firmware",
            "sharing", "protocol", *presence_fields.NAMES, "created_at",
        )  # fmt: skip

    def validate_company(self, value: Company | None) -> Company | None:
        if self.instance is not None and getattr(value, "id", None) != self.instance.company_id:
            raise ValidationError("Pairing is changed with pair/ and unpair/.")
        return value

    def validate_access_granted(self, value: bool) -> bool:
        """An open contract decides: access beside it would be one that nobody accepted, or that was not ended."""
        before = self.instance if isinstance(self.instance, Gateway) else None
        if before is not None and value != before.access_granted and contracts.open_for(before.id) is not None:
            raise Conflict("The gateway has a contract, which decides about access: change that with contracts/.")
        return value

    def create(self, validated_data: dict[str, Any]) -> Gateway:
        """A gateway without a system gets one of its own, with the same name."""
        if "system" not in validated_data:
            name = validated_data.get("name") or validated_data["serial_number"]
            validated_data["system"] = System.objects.create(name=name)
        return super().create(validated_data)

    def update(self, instance: Gateway, validated_data: dict[str, Any]) -> Gateway:
        """Writes what was asked for and no more: a contract may have ended since the row was read."""
        wanted = {name: value for name, value in validated_data.items() if name != "company"}
        for name, value in wanted.items():
            setattr(instance, name, value)
        instance.save(update_fields=list(wanted))
        return instance


class PairingSerializer(Strict):
    company = Reference(Company)
    access_granted = serializers.BooleanField(required=False)


class PairingCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(
        help_text="Works once, until it expires, a newer one is made or it was mistyped often."
    )
    expires_at = Moment()


class GatewayFilter(presence_fields.Filtered):
    system = django_filters.UUIDFilter(field_name="system_id")
    company = django_filters.UUIDFilter(field_name="company_id")
    serial_number = django_filters.CharFilter()
    access_granted = django_filters.BooleanFilter()


class GatewayView(presence_fields.Seen[Gateway], Removable[Gateway]):
    """The boxes on site. Deleting one deletes the appliances behind it."""

    model = Gateway
    serializer_class = GatewaySerializer
    filterset_class = GatewayFilter
    related = ("company",)
    organization_only = True
    taken = {"gateway_serial_number_once": "serial_number"}

    def perform_create(self, serializer: serializers.BaseSerializer[Gateway]) -> None:
        happenings.gateway_came(serializer.save(), clock.now())

    def perform_destroy(self, instance: Gateway) -> None:
        removal.remove_gateway(instance, clock.now())

    @extend_schema(request=PairingSerializer, responses=GatewaySerializer)
    @action(detail=True, methods=["post"])
    def pair(self, request: Request, pk: str) -> Response:
        """Pair the gateway with a company; its data points leave once access is granted too.

        This is the way without a contract. One that is open with another company is closed by it.
        """
        gateway = self.get_object()
        body = PairingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        company, access_granted = body.validated_data["company"], body.validated_data.get("access_granted")
        try:
            contracts.pair_by_hand(gateway, company, access_granted, clock.now())
        except contracts.AlreadyOpen as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=GatewaySerializer)
    @action(detail=True, methods=["post"])
    def unpair(self, request: Request, pk: str) -> Response:
        """Take the gateway from its company, and the access with it. An open contract is closed by it."""
        contracts.unpair(self.get_object(), clock.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={201: PairingCodeSerializer})
    @action(detail=True, methods=["post"], url_path="pairing-code")
    def pairing_code(self, request: Request, pk: str) -> Response:
        """A one-time code for the person on site, shown once: with it a partner's link makes a contract."""
        code, expires_at = pairing_codes.issue(self.get_object(), clock.now())
        return Response(PairingCodeSerializer({"code": code, "expires_at": expires_at}).data, status=201)


class ApplianceSerializer(presence_fields.Shown, StrictModel[Appliance]):
    gateway = Reference(Gateway)

    class Meta:
        model = Appliance
        fields = (
            "id", "gateway", "serial_number", "name", "type", "kind", "manufacturer", "model",
            *presence_fields.NAMES, "created_at",
        )  # fmt: skip

    def validate_gateway(self, value: Gateway) -> Gateway:
        if self.instance is not None and value.id != self.instance.gateway_id:
            raise ValidationError("An appliance stays behind its gateway: add it to the other one anew.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, Appliance) else Appliance()
        reason = why_not_kind(attrs.get("type", before.type), attrs.get("kind", before.kind))
        if reason is not None:
            raise ValidationError({"kind": reason[:1].upper() + reason[1:] + "."})
        return attrs


DESCRIBED = frozenset({"serial_number", "name", "type", "kind", "manufacturer", "model"})
"""What an appliance is, beside how long it may be silent."""


class ApplianceFilter(presence_fields.Filtered):
    gateway = django_filters.UUIDFilter(field_name="gateway_id")
    system = django_filters.UUIDFilter(field_name="gateway__system_id")
    type = django_filters.ChoiceFilter(choices=[(name, name) for name in APPLIANCE_TYPES])
    serial_number = django_filters.CharFilter()


class ApplianceView(presence_fields.Seen[Appliance], Removable[Appliance]):
    """The devices behind the gateways. Coming, changing and going are events of the catalogue."""

    model = Appliance
    serializer_class = ApplianceSerializer
    filterset_class = ApplianceFilter
    organization_only = True
    taken = {"appliance_serial_number_once": "serial_number"}

    def perform_create(self, serializer: serializers.BaseSerializer[Appliance]) -> None:
        happenings.appliance_came(serializer.save(), clock.now())

    def perform_update(self, serializer: serializers.BaseSerializer[Appliance]) -> None:
        before = serializer.instance
        values = serializer.validated_data
        changed = [name for name in values if name in DESCRIBED and getattr(before, name) != values[name]]
        appliance = serializer.save()
        if changed:
            happenings.appliance_changed(appliance, clock.now())

    def perform_destroy(self, instance: Appliance) -> None:
        removal.remove_appliance(instance, clock.now())


class DataPointSerializer(StrictModel[DataPoint]):
    class Meta:
        model = DataPoint
        fields = (
            "id", "name", "title", "unit", "kind", "threshold", "threshold_kind", "hysteresis", "resolution",
            "min_interval", "max_interval", "expected_interval", "created_at",
        )  # fmt: skip
        extra_kwargs = {
            "hysteresis": {
                "help_text": "What a gauge that turns back needs beside the threshold, and measured as that is."
            },
            "resolution": {"help_text": "Numbers are sent as multiples of it; null: as they were measured."},
            "expected_interval": {
                "max_value": LONGEST_SILENCE,  # what is far beyond, the database cannot count back from now
                "help_text": "Seconds from one reading to the next, as far as that is known.",
            },
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, DataPoint) else DataPoint()
        shortest = attrs.get("min_interval", before.min_interval)
        longest = attrs.get("max_interval", before.max_interval)
        if longest and longest < shortest:
            raise ValidationError({"max_interval": "Not shorter than min_interval, or 0 for none."})
        kind = attrs.get("kind", before.kind)
        if attrs.get("hysteresis", before.hysteresis) and kind != DataPointKind.GAUGE:
            raise ValidationError({"hysteresis": "Only a gauge goes up and down; 0 for others."})
        if attrs.get("resolution", before.resolution) is not None and kind == DataPointKind.STATE:
            raise ValidationError({"resolution": "A state is sent as it is; null for one."})
        return attrs


DESCRIBING = frozenset({"name", "title", "unit", "kind"})
"""What a data point is, beside how it is filtered."""


class DataPointFilter(Filters):
    kind = django_filters.ChoiceFilter(choices=DataPointKind.choices)
    name = django_filters.CharFilter()


class DataPointView(Removable[DataPoint]):
    """Which properties there are, and which of their changes are worth sending."""

    model = DataPoint
    serializer_class = DataPointSerializer
    filterset_class = DataPointFilter
    organization_only = True
    taken = {"data_point_name_once": "name"}

    def perform_create(self, serializer: serializers.BaseSerializer[DataPoint]) -> None:
        happenings.quantity_came(serializer.save(), clock.now())

    def perform_update(self, serializer: serializers.BaseSerializer[DataPoint]) -> None:
        """Only what the quantity is counts as a change of it; how it is filtered concerns nobody else."""
        before = serializer.instance
        values = serializer.validated_data
        changed = [name for name in values if name in DESCRIBING and getattr(before, name) != values[name]]
        point = serializer.save()
        if changed:
            happenings.quantity_changed(point, clock.now())

    def perform_destroy(self, instance: DataPoint) -> None:
        removal.remove_data_point(instance, clock.now())
