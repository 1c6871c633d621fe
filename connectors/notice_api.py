"""REST: notices, and the channels they go out by."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import channels
from connectors.notice_models import ChannelKind, Notice, NoticeChannel, NoticeMessage
from connectors.notices import TITLES
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.lib.rest import Moment, Strict, StrictModel
from portal.tenants.rest import ListAndGet

TOO_SOON = "It was tested a moment ago: wait for ten seconds."


class ChannelSerializer(StrictModel[NoticeChannel]):
    kind = serializers.ChoiceField(choices=ChannelKind.choices)
    address = serializers.CharField(
        write_only=True,
        max_length=2048,
        help_text="An e-mail address, or the URL of an incoming webhook as Slack has them; it is not shown again.",
    )

    class Meta:
        model = NoticeChannel
        fields = ("id", "kind", "address", "shown", "created_at")
        read_only_fields = ("shown", "created_at")
        extra_kwargs = {"shown": {"help_text": "The e-mail address, or the URL's host."}}

    def create(self, validated_data: dict[str, Any]) -> NoticeChannel:
        try:
            return channels.add(**validated_data)
        except Invalid as error:
            raise ValidationError(error.message_dict) from None


class TestSerializer(serializers.Serializer[Any]):
    delivered = serializers.BooleanField()
    error = serializers.CharField(allow_null=True, help_text="Why it did not arrive.")


class NoticeMessageSerializer(StrictModel[NoticeMessage]):
    channel = serializers.UUIDField(source="channel_id")

    class Meta:
        model = NoticeMessage
        fields = ("channel", "attempts", "next_at", "sent_at", "error")
        extra_kwargs = {
            "next_at": {"help_text": "When it is tried (again); null when it arrived, or was given up."},
            "error": {"help_text": "Why the last try failed."},
        }


class NoticeSerializer(Strict):
    """What people were told. Repeats raise `count`; it goes out at most once an hour."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(TITLES))
    title = serializers.SerializerMethodField()
    about = serializers.CharField(help_text="Such as `connector:<id>`.")
    text = serializers.CharField()
    count = serializers.IntegerField()
    first_at = Moment()
    last_at = Moment()
    messages = NoticeMessageSerializer(many=True)

    def get_title(self, notice: Notice) -> str:
        return TITLES.get(notice.kind, notice.kind)


class ChannelView(mixins.CreateModelMixin, mixins.DestroyModelMixin, ListAndGet[NoticeChannel]):
    """Where notices go: e-mail addresses, and webhooks of Slack or what takes the same messages."""

    model = NoticeChannel
    serializer_class = ChannelSerializer
    filter_backends = []
    organization_only = True
    http_method_names = ["get", "post", "delete", "head"]
    sending = frozenset({"test"})

    @extend_schema(request=None, responses=TestSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a text there now, which says that it is a test."""
        channel = self.get_object()
        if not channels.may_be_tested(channel, clock.now()):
            raise Conflict(TOO_SOON)
        error = channels.test(channel)
        return Response({"delivered": not error, "error": error or None})


class NoticeView(ListAndGet[Notice]):
    """What the organization's people were told of its connectors, keys and aggregates. Kept for 90 days."""

    model = Notice
    serializer_class = NoticeSerializer
    filter_backends = []
    http_method_names = ["get", "head"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("messages")
