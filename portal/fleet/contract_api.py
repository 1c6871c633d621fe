"""REST: contracts, by the id of their gateway. A company's key acts as the partner, on its company's contracts only."""

from __future__ import annotations

from typing import Any

import django_filters.rest_framework as django_filters
from django.core.exceptions import ValidationError as BadValue
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from portal.fleet import contract_flow, contracts
from portal.fleet.contract_flow import Action, Who
from portal.fleet.models import Contract, ContractState, Gateway
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, Reference, Strict
from portal.tenants.models import Company
from portal.tenants.rest import ListAndGet

PATCHED = (Action.ACCEPT, Action.REJECT, Action.REVOKE, Action.CLOSE)
BY_GATEWAY = OpenApiParameter("id", OpenApiTypes.UUID, location="path", description="The id of the gateway.")


class ContractSerializer(serializers.Serializer[Contract]):
    id = serializers.UUIDField()
    gateway = serializers.UUIDField(source="gateway_id")
    serial_number = serializers.CharField(source="gateway.serial_number", help_text="The gateway's.")
    company = serializers.UUIDField(source="company_id")
    state = serializers.ChoiceField(choices=ContractState.choices)
    initiator = serializers.ChoiceField(choices=[who.value for who in Who], help_text="Of the last change.")
    allowed_actions = serializers.SerializerMethodField(help_text="What the caller may do with it now.")
    created_at = Moment()
    changed_at = Moment()

    def get_allowed_actions(self, contract: Contract) -> list[str]:
        access = self.context["view"].access
        return [
            action.value for action in contract_flow.allowed(ContractState(contract.state), contracts.parts_of(access))
        ]


class NewContractSerializer(Strict):
    gateway = Reference(Gateway)
    company = Reference(Company)


class ActionSerializer(Strict):
    action = serializers.ChoiceField(choices=[action.value for action in PATCHED])


class ContractFilter(Filters):
    state = django_filters.MultipleChoiceFilter(choices=ContractState.choices)
    gateway = django_filters.UUIDFilter(field_name="gateway_id")
    company = django_filters.UUIDFilter(field_name="company_id")


class ContractView(ListAndGet[Contract]):
    """By which end users give partners access to gateways. The list holds the ended ones too; a gateway's address is
    its newest of those that the caller sees."""

    model = Contract
    serializer_class = ContractSerializer
    filterset_class = ContractFilter
    related = ("gateway",)
    http_method_names = ["get", "post", "patch", "delete", "head"]

    def get_object(self) -> Contract:
        try:
            found = self.get_queryset().filter(gateway_id=self.kwargs["pk"]).order_by("-id").first()
        except (BadValue, ValueError):
            found = None
        if found is None:
            raise Http404
        return found

    @extend_schema(parameters=[BY_GATEWAY])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(request=NewContractSerializer, responses={201: ContractSerializer})
    def create(self, request: Request) -> Response:
        """On the end user's behalf: pending until the partner answers, or active where contracts are accepted at once.

        A contract of the gateway with another company is closed.
        """
        if self.access.company_id is not None:
            raise PermissionDenied("This needs a key of the whole organization; yours is for one company.")
        wanted = NewContractSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        gateway, company = wanted.validated_data["gateway"], wanted.validated_data["company"]
        try:
            contract = contracts.make(gateway, company, Who.PLATFORM, clock.now())
        except contracts.AlreadyOpen as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(contract).data, status=201)

    @extend_schema(request=ActionSerializer, responses=ContractSerializer, parameters=[BY_GATEWAY])
    def partial_update(self, request: Request, pk: str) -> Response:
        """Accept, reject or revoke as the partner, or close as the end user. 409 names what is possible instead."""
        contract = self.get_object()
        wanted = ActionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(self.get_serializer(self._change(contract, Action(wanted.validated_data["action"]))).data)

    @extend_schema(responses={204: None}, parameters=[BY_GATEWAY])
    def destroy(self, request: Request, pk: str) -> Response:
        """Take note, as the partner, that the end user has closed the contract."""
        self._change(self.get_object(), Action.ACKNOWLEDGE)
        return Response(status=204)

    def _change(self, contract: Contract, action: Action) -> Contract:
        try:
            return contracts.change(contract, action, contracts.parts_of(self.access), clock.now())
        except contract_flow.Impossible as error:
            raise Conflict(str(error)) from None
