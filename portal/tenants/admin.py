"""Staff admin: who is here."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.tenants.models import ApiKey, Company, Membership, Organization, User
from portal.tenants.staff import StaffAdmin, register_audited, site


class NewUserForm(UserCreationForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = ("email",)


class ChangeUserForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = "__all__"


class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg,misc]
    """People sign in with their address; what they may do in an organization is their membership there."""

    form = ChangeUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name")}),
        ("Staff", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        """Addresses are kept in lower case: that is how sign-in looks them up."""
        obj.email = obj.email.lower()
        super().save_model(request, obj, form, change)


class GroupAdmin(BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


class OrganizationAdmin(StaffAdmin):
    """Organizations are made with `manage.py create_organization`."""

    fields = ("id", "name", "plan", "languages", "requires_ownership_check", "auto_accept_contracts", "created_at")
    changeable = ("name", "plan", "languages", "requires_ownership_check", "auto_accept_contracts")
    list_display = ("name", "plan", "created_at")
    list_filter = ("plan",)
    search_fields = ("name", "=id")
    ordering = ("name",)


class CompanyAdmin(StaffAdmin):
    fields = (
        *("id", "organization", "name", "external_id"),
        *("data_points_enabled", "daily_aggregates_enabled", "languages", "redirect_uris", "created_at"),
    )
    changeable = ("name", "external_id", "data_points_enabled", "daily_aggregates_enabled", "languages")
    list_display = ("name", "organization", "data_points_enabled", "daily_aggregates_enabled")
    list_filter = ("organization", "data_points_enabled")
    list_select_related = ("organization",)
    search_fields = ("name", "external_id", "=id")


class MembershipAdmin(StaffAdmin):
    fields = ("id", "organization", "user", "role", "created_at")
    changeable = ("role",)
    list_display = ("user", "organization", "role", "created_at")
    list_filter = ("organization", "role")
    list_select_related = ("organization", "user")
    search_fields = ("user__email",)


class ApiKeyAdmin(StaffAdmin):
    """The digest is not shown: it is of no use but to an attacker. Setting `revoked at` ends a key at once."""

    fields = (
        *("id", "organization", "name", "prefix", "scopes", "company", "created_by", "created_at"),
        *("expires_at", "revoked_at", "last_used_at"),
    )
    changeable = ("name", "expires_at", "revoked_at")
    list_display = ("name", "prefix", "organization", "company", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("organization",)
    list_select_related = ("organization", "company")
    search_fields = ("name", "prefix", "=id")


site.register(User, UserAdmin)
site.register(Group, GroupAdmin)
register_audited(Organization, OrganizationAdmin)
register_audited(Company, CompanyAdmin)
register_audited(Membership, MembershipAdmin)
register_audited(ApiKey, ApiKeyAdmin)
