"""Pages: making, changing and deleting a connector."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from connectors import configure, outbox, refusals, signing
from connectors.forms import ConnectorForm
from connectors.models import Connector, Origin
from connectors.views.connectors import show
from portal.lib import clock
from portal.tenants.access import MANAGE, access_of, get_or_404
from portal.tenants.pages import member_page

FORM = "connectors/form.html"


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_connector(request: HttpRequest) -> HttpResponse:
    """After it is made, its page comes with the secret: shown there once and never again."""
    access = access_of(request)
    form = ConnectorForm(request.POST or None, organization=access.organization)
    if not form.is_valid():
        return render(request, FORM, {"form": form})
    connector, secret = configure.create_connector(access, form.wanted(form.cleaned_data))
    return show(request, connector, made=True, **_revealed(connector, secret))


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_connector(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    connector = _own(connector_id)
    form = ConnectorForm(request.POST or None, organization=access_of(request).organization, connector=connector)
    if not form.is_valid():
        context = {"form": form, "connector": connector}
        return render(request, FORM, context)
    secret = configure.change_connector(connector, form.wanted(form.cleaned_data), clock.now())
    if secret is not None:
        return show(request, connector, **_revealed(connector, secret))
    messages.success(request, f"{connector.name} is changed; it counts from the next message on.")
    return redirect("connector", connector.id)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_secret(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Asks, and then shows the new secret on the connector's page, once. One that the receiver has is not shown."""
    connector = _own(connector_id)
    if not signing.SCHEMES[connector.signing].NEEDS_SECRET:
        raise Http404
    now = clock.now()
    own = request.POST.get("secret", "")
    problem = refusals.secret_reason(own, connector) if own else None
    if request.method == "POST" and not problem:
        made = configure.rotate_secret(connector, now, own or None)
        if not own:
            return show(request, connector, **_revealed(connector, made))
        messages.success(request, f"{connector.name} signs with the new secret from now on.")
        return redirect("connector", connector.id)
    context = {
        "problem": problem,
        "connector": connector,
        "signing": configure.live_rows(connector, now).count(),
        "most": signing.MAX_SECRETS,
        "days": signing.OVERLAP.days,
        "several": signing.SCHEMES[connector.signing].SEVERAL,
    }
    return render(request, "connectors/secret.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def delete_connector(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Deleting drops what waits, so the name must be typed: a slip of the hand is not enough."""
    connector = _own(connector_id)
    typed = request.POST.get("name", "").strip()
    if request.method == "POST" and typed == connector.name:
        configure.remove_connector(connector)
        messages.success(request, f"{connector.name} is deleted.")
        return redirect("connectors")
    context = {
        "connector": connector,
        "typed": typed,
        "waiting": outbox.waiting_count([connector.id]).get(connector.id, 0),
        "triggers": list(connector.triggers.all()),
    }
    wrong = request.method == "POST"
    return render(request, "connectors/delete.html", {**context, "wrong": wrong})


def _revealed(connector: Connector, secret: str | None) -> dict[str, str | None]:
    """A new secret and, where the scheme has one, the part that the receiver needs."""
    public = signing.SCHEMES[connector.signing].public_part(secret) if secret else None
    return {"secret": secret, "public_key": public}


def _own(connector_id: UUID) -> Connector:
    """A connector of the portal: that of a subscription is the partner's to change, so it is no such object here."""
    return get_or_404(Connector.objects.exclude(origin=Origin.SUBSCRIPTION), pk=connector_id)
