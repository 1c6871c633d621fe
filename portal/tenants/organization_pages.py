"""Pages: the organization with its settings, companies and limits; members see them, admins change them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.tenants import limits
from portal.tenants.access import ADMIN, MANAGE, access_of, get_or_404
from portal.tenants.forms import CompanyForm, OrganizationForm
from portal.tenants.models import Company, Organization
from portal.tenants.pages import member_page

COMPANIES_SHOWN: Final = 50
BACK: Final = "organization-page"


@require_http_methods(["GET", "POST"])
@member_page()
def organization(request: HttpRequest) -> HttpResponse:
    access = access_of(request)
    if request.method == "POST":
        access.require(ADMIN)
    form = OrganizationForm(request.POST or None, instance=Organization.objects.get(id=access.organization.id))
    if not access.allows(ADMIN):
        form.close()
    if form.is_valid():
        form.instance.save(update_fields=form.Meta.fields)
        messages.success(request, "The settings are changed; they count at once.")
        return redirect(BACK)
    context = {
        "form": form,
        "page": Paginator(Company.objects.order_by("name"), COMPANIES_SHOWN).get_page(request.GET.get("page")),
        "counts": [(name.replace("_", " "), count) for name, count in limits.counts().items()],
        "limits": limits.limits(),
    }
    return render(request, "tenants/organization.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_company(request: HttpRequest) -> HttpResponse:
    """Also the first company, which is made on the way of the first steps: `?back` says who comes from elsewhere."""
    form = CompanyForm(request.POST or None)
    back = BACK if "back" in request.GET else "overview"
    if not (form.is_valid() and form.store()):
        return render(request, "tenants/company.html", {"form": form, "back": back})
    messages.success(request, f"{form.instance.name} is added.")
    return redirect(back)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = get_or_404(Company, pk=company_id)
    name = company.name
    form = CompanyForm(request.POST or None, instance=company)
    if not (form.is_valid() and form.store()):
        return render(request, "tenants/company.html", {"form": form, "back": BACK, "name": name})
    messages.success(request, f"{company.name} is changed; it counts at once.")
    return redirect(BACK)
