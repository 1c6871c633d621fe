"""REST: the wire formats, what each carries, and how it looks when it arrives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import profiles
from connectors.carrying import Carried, carried
from connectors.exchange import headers_of
from connectors.profiles import Profile
from portal.events.catalogue import CATALOGUE
from portal.tenants.rest import TenantViewSet


class ProfileSerializer(serializers.Serializer[Any]):
    """A version of a format. Connectors are pinned to one; its bytes never change."""

    id = serializers.CharField(help_text="What a connector names to be pinned to this version.")
    name = serializers.CharField(help_text="What a connector names for the newest version.")
    version = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    content_type = serializers.CharField()
    most_events = serializers.IntegerField(help_text="How many events one request holds at most.")
    routes = serializers.ListField(child=serializers.CharField(), help_text="That a connector has to name.")
    default_signing = serializers.CharField()
    default_retry_policy = serializers.CharField()
    event_types = serializers.SerializerMethodField()

    def get_event_types(self, profile: Profile) -> list[str]:
        """Those that it carries."""
        return [name for name in sorted(CATALOGUE) if profile.carries(name)]


class SampleSerializer(serializers.Serializer[Any]):
    """The catalogue's sample of a type, as a receiver gets it, but for authentication and signature."""

    route = serializers.CharField(help_text="Of the profile's routes; empty for the connector's URL itself.")
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.CharField(help_text="Its exact text.")


class CarriedSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    refusal = serializers.CharField(allow_null=True, help_text="Why this profile cannot carry it; null when it can.")
    schema = serializers.DictField(allow_null=True, help_text="JSON Schema (2020-12) of the body.")
    sample = SampleSerializer(allow_null=True)


class ProfileDetailSerializer(ProfileSerializer):
    carries = CarriedSerializer(many=True, help_text="Every type of the catalogue.")


@extend_schema_serializer(many=False)
class ProfilePage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProfileSerializer(many=True)


@extend_schema(tags=["profiles"])
class ProfileView(TenantViewSet[Any]):
    """The wire formats."""

    serializer_class = ProfileSerializer
    filter_backends = []

    def query_parameters(self) -> set[str]:
        return set()

    @extend_schema(responses=ProfilePage)
    def list(self, request: Request) -> Response:
        """All of them on one page."""
        shown = ProfileSerializer(profiles.PROFILES.values(), many=True).data
        return Response({"next": None, "previous": None, "results": shown})

    @extend_schema(
        responses=ProfileDetailSerializer,
        parameters=[OpenApiParameter("id", location="path", description="A version, or a name for its newest one.")],
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """With every type of event: its schema and a sample, or why it cannot be carried."""
        profile = profiles.resolve(pk)
        if profile is None:
            raise NotFound(f"There is no profile {pk!r}.")
        types = carried(profile, str(self.access.organization.id))
        return Response(ProfileSerializer(profile).data | {"carries": [_shown(one) for one in types]})


def _shown(one: Carried) -> dict[str, Any]:
    sample = None
    if one.sample is not None:
        own = ("Content-Type", one.sample.content_type)
        sample = {
            "route": one.sample.route,
            "headers": headers_of((own, *one.sample.headers)),
            "body": one.sample.body.decode(),
        }
    return {"type": one.event_type.name, "refusal": one.refusal, "schema": one.schema, "sample": sample}
