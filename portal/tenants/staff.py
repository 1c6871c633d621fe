"""The staff admin: for the operators of the product, who see every organization. Tenants never come here.

Rows that belong to a tenant are shown whole, but only switches and names can be changed: a foreign key chosen freely
could tie one organization's row to another's, and devices changed here would leave without their event.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from allauth.account.decorators import secure_admin_login
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from portal.tenants import audit, scope

M = TypeVar("M", bound=models.Model)


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    """Every page is made inside the scope of all organizations, its template included."""

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and getattr(user, "is_superuser", False))

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., HttpResponseBase]:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def across_tenants(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with scope.every_organization(), audit.acting(f"staff:{request.user}"):
                response: HttpResponseBase = inner(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                    response.render()
                return response

        return across_tenants

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """By the product's own sign-in, with its lock-out; there is no second password form here."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied("This needs an operator of the product.")
        signed_in: HttpResponseBase = secure_admin_login(super().login)(request, extra_context)
        return signed_in


site = StaffSite(name="admin")


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """Shows `fields`; of them, `changeable` can be changed. Nothing is added or deleted here."""

    fields: tuple[str, ...] = ()
    changeable: tuple[str, ...] = ()
    list_per_page = 50
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name not in self.changeable)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self.changeable)


class ChangeAdmin(StaffAdmin):
    """The audit trail of one model, newest first: who changed what, when, from what to what."""

    fields = ("pgh_created_at", "who", "what", "pgh_obj_id", "values")
    list_display = ("pgh_created_at", "who", "what", "pgh_obj_id")
    list_filter = ("pgh_label",)
    list_select_related = ("pgh_context",)
    search_fields = ("pgh_obj_id",)
    search_help_text = "The id of what was changed"
    ordering = ("-pgh_id",)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Django's own search cannot compare a key by itself."""
        try:
            return (queryset.filter(pgh_obj_id=UUID(search_term)) if search_term else queryset), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description="who")
    def who(self, change: Any) -> str:
        """Changes made outside a request or a command, as by SQL, have no name."""
        return str(change.pgh_context.metadata.get("who", "–")) if change.pgh_context else "–"

    @admin.display(description="what", ordering="pgh_label")
    def what(self, change: Any) -> str:
        return {"insert": "added", "update": "changed", "delete": "deleted"}[str(change.pgh_label)]

    @admin.display(description="before and after")
    def values(self, change: Any) -> SafeString:
        return format_html_join("", "<div>{}: {} → {}</div>", before_and_after(change)) or SafeString("–")


def before_and_after(change: Any) -> list[tuple[str, str, str]]:
    """(column, before, after) of what a row of the audit trail changed. Secrets are in no such row."""
    kind = type(change)
    earlier = kind.objects.filter(pgh_obj_id=change.pgh_obj_id, pgh_id__lt=change.pgh_id).order_by("-pgh_id").first()
    before = None if change.pgh_label == "insert" else earlier
    rows = []
    for column in (field.attname for field in kind._meta.concrete_fields if not field.name.startswith("pgh_")):
        old = "–" if before is None else str(getattr(before, column))
        new = "–" if change.pgh_label == "delete" else str(getattr(change, column))
        if old != new:
            rows.append((column, old, new))
    return rows


def register_audited(model: type[models.Model], model_admin: type[ModelAdmin]) -> None:
    """Show a model, and beside it the trail of its changes."""
    site.register(model, model_admin)
    change_model = apps.get_model(model._meta.app_label, f"{model.__name__}Change")
    change_model._meta.verbose_name_plural = f"changes of {model._meta.verbose_name_plural}"
    site.register(change_model, ChangeAdmin)
