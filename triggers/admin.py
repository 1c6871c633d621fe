"""Staff admin: why messages are sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from portal.lib import clock
from portal.tenants.staff import StaffAdmin, register_audited
from triggers import subscribe
from triggers.models import Subscription, Trigger


class TriggerAdmin(StaffAdmin):
    fields = (
        "id", "organization", "name", "kind", "event_types", "gateways", "connector", "interval_seconds", "level",
        "enabled", "created_at",
    )  # fmt: skip
    changeable = ("name", "enabled")
    list_display = ("name", "organization", "kind", "connector", "enabled")
    list_filter = ("organization", "kind", "enabled")
    list_select_related = ("organization", "connector")
    search_fields = ("name", "=id")


class SubscriptionAdmin(StaffAdmin):
    fields = ("id", "organization", "company", "event_types", "connector", "active", "created_at")
    changeable = ("active",)
    list_display = ("id", "organization", "company", "target", "active")
    list_filter = ("organization", "active")
    list_select_related = ("organization", "company", "connector")
    search_fields = ("connector__url", "=id")

    @admin.display(description="target", ordering="connector__url")
    def target(self, subscription: Subscription) -> str:
        return subscription.connector.url

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """The subscription's connector is switched with it."""
        stored = Subscription.objects.select_related("connector").get(pk=obj.pk)
        subscribe.change(stored, {"active": obj.active}, clock.now())


register_audited(Trigger, TriggerAdmin)
register_audited(Subscription, SubscriptionAdmin)
