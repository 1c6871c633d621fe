"""Events, receivers, deliveries and attempts, as most would model them."""

from django.db import models


class Receiver(models.Model):
    """Where to send."""

    url = models.URLField()

    def __str__(self) -> str:
        return self.url


class Event(models.Model):
    """`payload` is what is sent; the others are what the product's intake takes too."""

    type = models.CharField(max_length=100)
    gateway = models.CharField(max_length=200)
    appliance = models.CharField(max_length=200, blank=True)
    producer_id = models.CharField(max_length=200, blank=True)
    correlation_id = models.UUIDField(null=True)
    time = models.DateTimeField(null=True)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class Delivery(models.Model):
    """One event on its way to one receiver."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    receiver = models.ForeignKey(Receiver, on_delete=models.CASCADE)
    state = models.CharField(max_length=20, default="pending", db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Attempt(models.Model):
    """The record of one exchange."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE)
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.FloatField()
    response = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"attempt {self.pk}"
