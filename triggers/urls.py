"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from triggers import health, intake_api, metrics
from triggers.api import TriggerView
from triggers.subscription_api import SubscriptionView

rest = SimpleRouter()
rest.register("triggers", TriggerView, "trigger")
rest.register("subscriptions", SubscriptionView, "subscription")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(rest.urls)),
    path("api/v1/readings/", intake_api.readings, name="readings"),
    path("api/v1/events/", intake_api.events, name="events"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
