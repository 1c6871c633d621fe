"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from connectors.api import ConnectorView
from connectors.delivery_api import DeliveryView

rest = SimpleRouter()
rest.register("connectors", ConnectorView, "connector")
rest.register("deliveries", DeliveryView, "delivery")

urlpatterns: list[URLPattern | URLResolver] = [path("api/v1/", include(rest.urls))]
