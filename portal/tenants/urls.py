"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from portal.tenants import api, organization_pages, views

rest = SimpleRouter()
rest.register("companies", api.CompanyView, "company")
rest.register("api-keys", api.ApiKeyView, "api-key")

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "api/v1/organization/",
        api.OrganizationView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="organization",
    ),
    path("api/v1/", include(rest.urls)),
    path("organization/switch/", views.switch_organization, name="switch-organization"),
    path("organization/", organization_pages.organization, name="organization-page"),
    path("companies/new/", organization_pages.new_company, name="company-new"),
    path("companies/<uuid:company_id>/", organization_pages.change_company, name="company-change"),
]
