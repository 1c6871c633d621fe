"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, path

from triggers import intake_api

urlpatterns: list[URLPattern] = [
    path("api/v1/readings/", intake_api.readings, name="readings"),
    path("api/v1/events/", intake_api.events, name="events"),
]
