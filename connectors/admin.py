"""Staff admin: how messages reach partners. Credentials and signing secrets are shown nowhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from connectors.configure import set_enabled
from connectors.models import Connector
from portal.tenants.staff import StaffAdmin, register_audited


class ConnectorAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "company", "name", "origin", "url", "routes", "profile", "auth_type", "auth_public"),
        *("signing", "retry_policy", "concurrency", "rate_limit", "ordered", "enabled", "disabled_reason"),
        *("paused_at", "paused_reason", "paused_detail", "while_paused", "shard", "created_at", "updated_at"),
    )
    changeable = ("concurrency", "enabled")
    list_display = ("name", "organization", "profile", "enabled", "disabled_reason", "url")
    list_filter = ("organization", "enabled", "profile", "origin")
    list_select_related = ("organization",)
    search_fields = ("name", "url", "=id")

    def save_model(self, request: HttpRequest, obj: Connector, form: Any, change: bool) -> None:
        obj.save(update_fields=["concurrency", "updated_at"])
        if "enabled" in form.changed_data:
            set_enabled(obj, enabled=obj.enabled)


register_audited(Connector, ConnectorAdmin)
