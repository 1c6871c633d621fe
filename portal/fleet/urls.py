"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from portal.fleet import api, link_view, views
from portal.fleet.contract_api import ContractView

rest = SimpleRouter()
rest.register("systems", api.SystemView, "system")
rest.register("gateways", api.GatewayView, "gateway")
rest.register("appliances", api.ApplianceView, "appliance")
rest.register("data-points", api.DataPointView, "data-point")
rest.register("contracts", ContractView, "contract")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(rest.urls)),
    path("pair/", link_view.visit, name="partner-link"),
    path("contracts/", views.contract_list, name="contracts"),
    path("contracts/new/", views.new_contract, name="contract-new"),
    path("contracts/code/", views.new_code, name="contract-code"),
    path("contracts/links/", views.links, name="contract-links"),
    path("contracts/links/<uuid:company_id>/", views.change_links, name="contract-links-change"),
    path("contracts/auto-accept/", views.auto_accept, name="contract-auto-accept"),
    path("contracts/<uuid:contract_id>/<slug:action>/", views.change_contract, name="contract-change"),
]
