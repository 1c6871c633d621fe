"""Pages: retry policies, with each as a timeline, and the organization's own to make, change and delete."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from connectors import policies, retry
from connectors.models import Connector, RetryPolicy
from connectors.policy_form import PolicyForm
from connectors.retry import Policy
from connectors.timeline import Timeline, describe
from portal.tenants.access import MANAGE, get_or_404
from portal.tenants.pages import member_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A policy on the page: `row` is set for one of the organization's own, `users` are its connectors' names."""

    policy: Policy
    row: RetryPolicy | None
    users: list[str]

    @property
    def timeline(self) -> Timeline:
        return describe(self.policy)


@require_GET
@member_page()
def policy_list(request: HttpRequest) -> HttpResponse:
    users: dict[object, list[str]] = defaultdict(list)
    named = Connector.objects.order_by("name").values_list("retry_policy", "own_retry_policy_id", "name")
    for built_in, own, name in named:
        users[built_in or own].append(name)
    rows = RetryPolicy.objects.order_by("name")
    context = {
        "own": [Shown(policy=policies.policy_of(row), row=row, users=users[row.id]) for row in rows],
        "built_in": [Shown(policy=one, row=None, users=users[one.name]) for one in retry.POLICIES.values()],
    }
    return render(request, "connectors/policies.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_policy(request: HttpRequest) -> HttpResponse:
    return _edit(request, policies.new(), is_new=True)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    return _edit(request, get_or_404(RetryPolicy, pk=policy_id), is_new=False)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def delete_policy(request: HttpRequest, policy_id: UUID) -> HttpResponse:
    """Says what it will do, and does it once confirmed."""
    policy = get_or_404(RetryPolicy, pk=policy_id)
    if request.method == "GET":
        return render(request, "connectors/policy_delete.html", {"policy": policy})
    try:
        with transaction.atomic():
            policies.remove(policy)
    except policies.InUse as error:
        messages.error(request, f"{policy.name} stays. {error}")
    else:
        messages.success(request, f"{policy.name} is deleted.")
    return redirect("policies")


def _edit(request: HttpRequest, policy: RetryPolicy, *, is_new: bool) -> HttpResponse:
    form = PolicyForm(request.POST or None, policy=policy)
    if not form.is_valid():
        users = [] if is_new else list(policy.connectors.order_by("name").values_list("name", flat=True))
        return render(request, "connectors/policy_form.html", {"form": form, "is_new": is_new, "users": users})
    policies.store(policy, form.fields_wanted)
    messages.success(request, f"{policy.name} is {'made' if is_new else 'changed; it counts for what waits, too'}.")
    return redirect("policies")
