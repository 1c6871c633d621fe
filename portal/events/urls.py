"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, path

from portal.events.api import EventTypeView, EventView

urlpatterns: list[URLPattern] = [
    path("api/v1/event-types/", EventTypeView.as_view({"get": "list"}), name="event-types"),
    path("api/v1/event-types/<path:type>/", EventTypeView.as_view({"get": "retrieve"}), name="event-type"),
    path("api/v1/events/<str:pk>/", EventView.as_view({"get": "retrieve"}), name="event"),
]
