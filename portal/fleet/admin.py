"""Staff admin: what is in the field. To look at; devices are changed over REST and in the portal."""

from __future__ import annotations

from portal.fleet.models import Appliance, Contract, DataPoint, Gateway, System
from portal.tenants.staff import StaffAdmin, register_audited


class SystemAdmin(StaffAdmin):
    fields = ("id", "organization", "name", "external_id", "created_at")
    list_display = ("name", "organization", "external_id", "created_at")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("name", "external_id", "=id")


class GatewayAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "system", "serial_number", "name", "model", "firmware"),
        *("company", "access_granted", "sharing", "protocol", "offline_after", "created_at"),
    )
    list_display = ("serial_number", "name", "organization", "company", "access_granted")
    list_filter = ("organization", "access_granted")
    list_select_related = ("organization", "company")
    search_fields = ("serial_number", "name", "=id")


class ContractAdmin(StaffAdmin):
    fields = ("id", "organization", "gateway", "company", "state", "initiator", "created_at", "changed_at")
    list_display = ("gateway", "company", "state", "initiator", "changed_at", "organization")
    list_filter = ("organization", "state")
    list_select_related = ("organization", "gateway", "company")
    search_fields = ("gateway__serial_number", "company__name", "=id")


class ApplianceAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "gateway", "serial_number", "name", "type", "kind"),
        *("manufacturer", "model", "offline_after", "created_at"),
    )
    list_display = ("serial_number", "name", "type", "kind", "gateway", "organization")
    list_filter = ("organization", "type")
    list_select_related = ("organization", "gateway")
    search_fields = ("serial_number", "name", "=id")


class DataPointAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "name", "title", "unit", "kind", "threshold", "threshold_kind"),
        *("min_interval", "max_interval", "expected_interval", "created_at"),
    )
    list_display = ("name", "organization", "unit", "kind", "threshold", "threshold_kind")
    list_filter = ("organization", "kind")
    list_select_related = ("organization",)
    search_fields = ("name", "title", "=id")


register_audited(System, SystemAdmin)
register_audited(Gateway, GatewayAdmin)
register_audited(Contract, ContractAdmin)
register_audited(Appliance, ApplianceAdmin)
register_audited(DataPoint, DataPointAdmin)
