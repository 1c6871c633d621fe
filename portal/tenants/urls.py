"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from portal.tenants import api, views

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
    path("companies/new/", views.new_company, name="company-new"),
]
