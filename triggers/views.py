"""Pages: the overview, and the triggers of a connector."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from connectors.models import Connector, Origin
from portal.fleet.models import Gateway
from portal.lib import clock, fragments
from portal.tenants.access import MANAGE, access_of, get_or_404
from portal.tenants.models import Company
from portal.tenants.pages import member_page
from triggers import figures
from triggers.forms import TriggerForm
from triggers.models import Trigger

OF_CONNECTOR = "triggers/_of_connector.html"


@require_GET
@member_page()
def overview(request: HttpRequest) -> HttpResponse:
    """The checklist until something has been delivered or tried; the figures from then on."""
    if not figures.has_deliveries():
        tested = bool(request.session.get("tested"))
        context: dict[str, Any] = {
            "steps": figures.checklist(access_of(request).organization, tested=tested),
            "base": request.build_absolute_uri("/api/v1/"),
            "company": Company.objects.order_by("name").first(),
            "gateway": Gateway.objects.filter(company__isnull=False, access_granted=True).order_by("id").first(),
        }
        return fragments.answer(request, "triggers/overview.html", "triggers/_checklist.html", context)
    context = {"figures": figures.overview(clock.now())}
    return fragments.answer(request, "triggers/overview.html", "triggers/_figures.html", context)


@require_POST
@member_page(MANAGE)
def new_trigger(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Switched on at once: the connector's own switch is the gate."""
    connector = get_or_404(Connector.objects.exclude(origin=Origin.SUBSCRIPTION), pk=connector_id)
    form = TriggerForm(request.POST, connector=connector)
    if not form.is_valid():
        return _listed(request, connector, form)
    given = form.cleaned_data
    Trigger.objects.create(
        name=given["name"],
        kind=given["kind"],
        event_types=given["event_types"],
        interval_seconds=given["interval_seconds"],
        level=given["level"],
        connector=connector,
        enabled=True,
    )
    return fragments.toast(_listed(request, connector, TriggerForm(connector=connector)), f"{given['name']} is on.")


@require_POST
@member_page(MANAGE)
def switch_trigger(request: HttpRequest, trigger_id: UUID) -> HttpResponse:
    trigger = get_or_404(Trigger.objects.select_related("connector"), pk=trigger_id)
    trigger.enabled = request.POST.get("enabled") == "true"
    trigger.save(update_fields=["enabled"])
    answer = _listed(request, trigger.connector, TriggerForm(connector=trigger.connector))
    return fragments.toast(answer, f"{trigger.name} is {'on' if trigger.enabled else 'off'}.")


def _listed(request: HttpRequest, connector: Connector, form: TriggerForm) -> HttpResponse:
    context = {
        "connector": connector,
        "triggers": list(connector.triggers.order_by("name")),
        "form": form,
        "may_manage": True,
    }
    answer = render(request, OF_CONNECTOR, context)
    # The rest of the page says what is sent here as well: it asks again at once.
    return trigger_client_event(answer, "poll", after="settle")
