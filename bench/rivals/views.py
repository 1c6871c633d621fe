"""The usual intake: token, serializer of many items, `bulk_create`; one delivery for each event."""

from django.db import transaction
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.rivals.models import Delivery, Event, Receiver
from bench.rivals.tasks import deliver


class EventSerializer(serializers.ModelSerializer):
    """The fields of the product's contract; of these, the measurement sends type, gateway and data."""

    id = serializers.CharField(source="producer_id", max_length=200, required=False)
    data = serializers.JSONField(source="payload")

    class Meta:
        model = Event
        fields = ["type", "gateway", "appliance", "time", "id", "correlation_id", "data"]


class Events(APIView):
    """Stores events and their deliveries in one transaction. `delivers`: also queues a task for each of them."""

    delivers = False

    def post(self, request: Request) -> Response:
        serializer = EventSerializer(data=request.data.get("events"), many=True)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            events = Event.objects.bulk_create(Event(**item) for item in serializer.validated_data)
            receiver = Receiver.objects.earliest("pk")
            deliveries = Delivery.objects.bulk_create(Delivery(event=event, receiver=receiver) for event in events)
        if self.delivers:
            for delivery in deliveries:
                deliver.delay(delivery.pk)
        return Response({"accepted": len(events)}, status=status.HTTP_202_ACCEPTED)
