"""Page outside sign-in: whoever a link was sent to says that the connector may send there."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from connectors import ownership
from connectors.models import Connector
from portal.lib import clock
from portal.tenants import audit, scope

PAGE = "connectors/ownership.html"


@csrf_exempt
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, organization_id: UUID, connector_id: UUID, token: str) -> HttpResponse:
    """GET asks, POST confirms; a machine may POST at once. The token alone allows it, so no cookie is looked at."""
    with scope.organization(organization_id), audit.acting("link:ownership"):
        found = Connector.objects.select_related("organization").filter(id=connector_id).first()
        now = clock.now()
        confirmed = False
        connector = found if found is not None and ownership.opens(found, token, now) else None
        if connector is not None and request.method == "POST":
            confirmed = ownership.confirm(connector, token, now)
        context = {"connector": connector, "confirmed": confirmed}
        response = render(request, PAGE, context, status=200 if connector is not None else 404)
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "no-referrer"
    return response
