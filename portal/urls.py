"""Every address of the product, composed by string: each app holds its own REST and page addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.tenants.urls")),
    path("", include("portal.fleet.urls")),
    path("", include("portal.events.urls")),
    path("", include("connectors.urls")),
    path("", include("triggers.urls")),
    path("accounts/", include("allauth.urls")),
    path("staff/", admin.site.urls),
    path("", include("django_prometheus.urls")),
]
