"""Pages: the contracts, what can be done with each, and the one-time codes that are handed out for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.fleet import contract_flow, contract_words, contracts, pairing_codes
from portal.fleet.contract_flow import Action, Impossible, Who
from portal.fleet.models import Contract, ContractState, Gateway
from portal.lib import clock, fragments
from portal.tenants.access import MANAGE, access_of, get_or_404
from portal.tenants.models import Company, Organization
from portal.tenants.pages import member_page

MOST_SHOWN: Final = 200


class GatewayForm(forms.Form):
    serial_number = forms.CharField(label="Serial number of the gateway", max_length=100)

    def clean_serial_number(self) -> str:
        serial_number: str = self.cleaned_data["serial_number"]
        self.gateway = Gateway.objects.filter(serial_number=serial_number).first()
        if self.gateway is None:
            raise forms.ValidationError("There is no gateway with this serial number.")
        return serial_number


class ContractForm(GatewayForm):
    company = forms.ModelChoiceField(label="Partner", queryset=Company._base_manager.none())

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["company"].queryset = Company.objects.order_by("name")  # type: ignore[attr-defined]


class LinksForm(forms.Form):
    """One address per line, as they are written down and compared."""

    redirect_uris = forms.CharField(
        label="Where its links may lead back to",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "off"}),
        help_text="Whole https addresses, one per line. A link with any other address is refused.",
    )

    def clean_redirect_uris(self) -> list[str]:
        uris = [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]
        Company._meta.get_field("redirect_uris").clean(uris, None)
        return uris


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A contract of the list, with what can be done with it."""

    contract: Contract
    actions: list[tuple[str, contract_words.Words]]

    @property
    def pill(self) -> str:
        return contract_words.PILLS[self.contract.state]


@require_GET
@member_page()
def contract_list(request: HttpRequest) -> HttpResponse:
    """The newest changes first."""
    access = access_of(request)
    asked, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    named = Q(gateway__serial_number__icontains=asked) | Q(gateway__name__icontains=asked)
    found = Contract.objects.filter(named | Q(company__name__icontains=asked)) if asked else Contract.objects.all()
    counts = dict(found.values_list("state").annotate(Count("id")))
    if state in ContractState.values:
        found = found.filter(state=state)
    newest = found.select_related("gateway", "company").order_by("-changed_at", "-id")
    total = counts.get(state, 0) if state in ContractState.values else sum(counts.values())
    context = {
        "rows": [_row(contract, contracts.parts_of(access)) for contract in newest[:MOST_SHOWN]],
        "surplus": max(0, total - MOST_SHOWN),
        "any": bool(counts) or bool(asked),
        "q": asked,
        "state": state,
        "chips": [("", "All", sum(counts.values()))]
        + [(value, label, counts.get(value, 0)) for value, label in ContractState.choices],
        "auto_accept": access.organization.auto_accept_contracts,
    }
    return fragments.answer(request, "fleet/contracts.html", "fleet/_contracts.html", context)


def _row(contract: Contract, parts: tuple[Who, ...]) -> Row:
    allowed = contract_flow.allowed(ContractState(contract.state), parts)
    return Row(contract=contract, actions=[(action.value, contract_words.WORDS[action]) for action in allowed])


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_contract(request: HttpRequest, contract_id: UUID, action: str) -> HttpResponse:
    """Says what it will do, and does it once confirmed."""
    contract = get_or_404(Contract.objects.select_related("gateway", "company"), pk=contract_id)
    if action not in contract_words.WORDS:
        raise Http404
    wanted, parts = Action(action), contracts.parts_of(access_of(request))
    try:
        if request.method == "POST":
            changed = contracts.change(contract, wanted, parts, clock.now())
            messages.success(request, f"The contract of {contract.gateway} with {contract.company} is {changed.state}.")
            return redirect("contracts")
        contract_flow.actor(ContractState(contract.state), wanted, parts)
    except Impossible as error:
        messages.error(request, f"Nothing has changed. {error}")
        return redirect("contracts")
    context = {"contract": contract, "words": contract_words.asked(wanted, contract)}
    return render(request, "fleet/change_contract.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_contract(request: HttpRequest) -> HttpResponse:
    form = ContractForm(request.POST or None)
    if form.is_valid() and form.gateway is not None:
        try:
            made = contracts.make(form.gateway, form.cleaned_data["company"], Who.PLATFORM, clock.now())
        except contracts.AlreadyOpen as error:
            form.add_error("serial_number", str(error))
        else:
            messages.success(request, f"The contract of {form.gateway} with {made.company} is {made.state}.")
            return redirect("contracts")
    return render(request, "fleet/new_contract.html", {"form": form, "auto_accept": _auto_accept(request)})


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_code(request: HttpRequest) -> HttpResponse:
    """The code is in the answer to the form and nowhere else."""
    form = GatewayForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "minutes": pairing_codes.LIFE.seconds // 60}
    if form.is_valid() and form.gateway is not None:
        code, expires_at = pairing_codes.issue(form.gateway, clock.now())
        context |= {"code": code, "expires_at": expires_at, "gateway": form.gateway}
    return render(request, "fleet/pairing_code.html", context)


@require_POST
@member_page(MANAGE)
def auto_accept(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("accept") == "on"
    Organization.objects.filter(id=access_of(request).organization.id).update(auto_accept_contracts=wanted)
    messages.success(
        request, "New contracts are accepted at once." if wanted else "New contracts wait for the partner's answer."
    )
    return redirect("contracts")


@require_GET
@member_page(MANAGE)
def links(request: HttpRequest) -> HttpResponse:
    return render(request, "fleet/links.html", {"companies": Company.objects.order_by("name")})


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_links(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = get_or_404(Company, pk=company_id)
    form = LinksForm(
        request.POST if request.method == "POST" else None, initial={"redirect_uris": "\n".join(company.redirect_uris)}
    )
    if request.method == "POST" and form.is_valid():
        company.redirect_uris = form.cleaned_data["redirect_uris"]
        company.save(update_fields=["redirect_uris"])
        messages.success(request, f"The addresses of {company.name} are changed; they count at once.")
        return redirect("contract-links")
    back = company.redirect_uris[0] if company.redirect_uris else "https://…"
    query = urlencode({"companyId": company.id, "redirectUri": back}, safe="…")
    example = f"{settings.PUBLIC_URL}{reverse('partner-link')}?{query}&sessionId=…"
    return render(request, "fleet/change_links.html", {"form": form, "company": company, "example": example})


def _auto_accept(request: HttpRequest) -> bool:
    return access_of(request).organization.auto_accept_contracts
