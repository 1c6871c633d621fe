"""Staff admin: how messages reach partners. Credentials and signing secrets are shown nowhere."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from connectors.configure import NotVerifiedError, set_enabled
from connectors.models import Connector, RetryPolicy
from connectors.notice_models import NoticeChannel
from portal.tenants.staff import StaffAdmin, register_audited


class ConnectorAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "company", "name", "origin", "url", "routes", "profile", "auth_type", "auth_public"),
        *("signing", "signing_options", "retry_policy", "own_retry_policy", "concurrency", "rate_limit", "ordered"),
        *("batch_max_events", "batch_max_bytes", "batch_wait_ms", "ownership", "ownership_verified_at"),
        *("ownership_verified_host", "ownership_asked_at", "enabled", "disabled_reason"),
        *("paused_at", "paused_reason", "paused_detail", "while_paused", "shard", "created_at", "updated_at"),
    )
    changeable = ("concurrency", "enabled")
    list_display = ("name", "organization", "profile", "enabled", "disabled_reason", "url")
    list_filter = ("organization", "enabled", "profile", "origin")
    list_select_related = ("organization",)
    search_fields = ("name", "url", "=id")

    def save_model(self, request: HttpRequest, obj: Connector, form: Any, change: bool) -> None:
        obj.save(update_fields=["concurrency", "updated_at"])
        if "enabled" not in form.changed_data:
            return
        wanted = obj.enabled
        obj.refresh_from_db(fields=["enabled"])
        try:
            set_enabled(obj, enabled=wanted)
        except NotVerifiedError as error:
            messages.error(request, str(error))


class RetryPolicyAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "name", "schedule", "timeout", "success", "gone", "transient"),
        *("pause_after", "expires", "created_at", "updated_at"),
    )
    list_display = ("name", "organization", "timeout", "pause_after", "expires")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("name", "=id")


class NoticeChannelAdmin(StaffAdmin):
    fields = ("id", "organization", "kind", "shown", "tested_at", "created_at")
    list_display = ("shown", "organization", "kind", "tested_at")
    list_filter = ("organization", "kind")
    list_select_related = ("organization",)
    search_fields = ("shown", "=id")


register_audited(Connector, ConnectorAdmin)
register_audited(RetryPolicy, RetryPolicyAdmin)
register_audited(NoticeChannel, NoticeChannelAdmin)
