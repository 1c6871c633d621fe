"""Every address of the product, composed by string: each app holds its own REST and page addresses."""

from django.urls import include, path

from portal.tenants.staff import site

urlpatterns = [
    path("", include("portal.tenants.urls")),
    path("", include("portal.fleet.urls")),
    path("", include("portal.events.urls")),
    path("", include("connectors.urls")),
    path("", include("triggers.urls")),
    path("accounts/", include("portal.tenants.account_urls")),
    path("staff/", site.urls),
    path("", include("django_prometheus.urls")),
]

handler403 = "portal.tenants.views.forbidden"
handler404 = "portal.tenants.views.not_found"
handler500 = "portal.tenants.views.server_error"
