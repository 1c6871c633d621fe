"""Page outside sign-in: a person whom a partner sent here makes a contract for a gateway, and goes back there.

Who it is, is shown by a one-time code that the organization gave to this person: nobody else can bind a gateway.
"""

from __future__ import annotations

from typing import Any, Final

from axes.helpers import get_client_ip_address
from csp.decorators import csp_update
from django import forms
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from portal.fleet import contracts, pairing_codes, partner_link
from portal.fleet.contract_flow import Who
from portal.fleet.models import Contract
from portal.fleet.partner_link import PartnerLink
from portal.lib import clock
from portal.tenants import audit, scope

PAGE: Final = "fleet/partner_link.html"
MOST_TRIES: Final = 20
"""Of one address within TRIES_WITHIN, per web process; a code bears five wrong ones of anybody."""
TRIES_WITHIN: Final = 15 * 60
WRONG: Final = "Serial number and code do not fit together, or the code has expired. Ask for a new one."


class CodeForm(forms.Form):
    serial_number = forms.CharField(
        label="Serial number of the gateway", max_length=100, help_text="It is printed on the device."
    )
    code = forms.CharField(
        label="One-time code",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
        help_text="You were given it for this gateway; it works for 15 minutes.",
    )


@require_http_methods(["GET", "POST"])
def visit(request: HttpRequest) -> HttpResponseBase:
    link = partner_link.read(request.GET)
    if link is None:
        return _shown(request, None, status=400)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and _tries_too_often(request):
        return _shown(request, link, form=CodeForm(), too_often=True, status=429)
    if not form.is_valid():
        return _shown(request, link, form=form)
    contract = _made(link, form.cleaned_data["serial_number"], form.cleaned_data["code"])
    if contract is None:
        form.add_error(None, WRONG)
        return _shown(request, link, form=form)
    response = HttpResponseRedirect(link.back(contract))
    response.status_code = 303  # the way back is a GET, whatever came before
    add_never_cache_headers(response)
    return response


def _made(link: PartnerLink, serial_number: str, code: str) -> Contract | None:
    """The contract with the link's company: a new one, or the one that is open. None for a code that does not work."""
    now = clock.now()
    with scope.organization(link.company.organization_id), audit.acting("link:contract"), transaction.atomic():
        gateway = pairing_codes.spend(serial_number, code, now)
        if gateway is None:
            return None
        try:
            return contracts.make(gateway, link.company, Who.END_USER, now)
        except contracts.AlreadyOpen as error:
            return error.contract


def _tries_too_often(request: HttpRequest) -> bool:
    key = f"partner-link:{get_client_ip_address(request)}"
    cache.add(key, 0, TRIES_WITHIN)
    return cache.incr(key) > MOST_TRIES


def _shown(request: HttpRequest, link: PartnerLink | None, *, status: int = 200, **context: Any) -> HttpResponseBase:
    """Browsers hold the way back against the page's policy for forms: the one address that was checked is in it."""

    def page(request: HttpRequest) -> HttpResponse:
        return render(request, PAGE, {"link": link, **context}, status=status)

    allowed = csp_update({"form-action": [link.origin]})(page) if link is not None else page
    response = allowed(request)
    add_never_cache_headers(response)
    return response
