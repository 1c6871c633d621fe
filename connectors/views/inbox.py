"""The built-in receiver: where messages arrive, and the page that shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors.inbox import BODY_CAP, Arrival, inbox_url, is_inbox_url, keep
from connectors.models import Connector, InboxMessage
from portal.lib import clock, fragments
from portal.lib.problem import problem
from portal.lib.stretches import uuid_of
from portal.tenants import scope
from portal.tenants.access import OPERATE, access_of
from portal.tenants.models import Organization
from portal.tenants.pages import member_page

PAGE: Final = 50
ANSWERS: Final = range(200, 600)
BODYLESS: Final = frozenset({204, 205, 304})
NOBODY: Final = UUID(int=0)
"""Stands in the open address of an inbox, where the id of a connector would be."""

HIDDEN: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-amz-security-token"})
"""Headers whose values are not kept: they carry credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message as a row of the page. `pill` and `label` say whether its signature held."""

    message: InboxMessage
    connector_name: str

    @property
    def pill(self) -> str:
        return {True: "verified", False: "wrong", None: "unsigned"}[self.message.verified]

    @property
    def label(self) -> str:
        return {True: "Verified", False: "Wrong signature", None: "Unsigned"}[self.message.verified]

    @property
    def type(self) -> str:
        """The event's type where the format has a place for it, else the media type."""
        try:
            body = json.loads(self.message.body)
        except ValueError:
            body = None
        named = body.get("type") or body.get("event") if isinstance(body, dict) else None
        return named if isinstance(named, str) else str(self.message.headers.get("content-type", "message"))


@csrf_exempt
@require_http_methods(["POST", "PUT", "PATCH"])
def arrive(request: HttpRequest, token: str, connector_id: UUID) -> HttpResponse:
    """Take one message. `?answer=500` has it answered so, to see what a failing receiver leads to."""
    answer = request.GET.get("answer", "200")
    if not answer.isascii() or not answer.isdigit() or int(answer) not in ANSWERS:
        return problem(400, "answer is a status from 200 to 599.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_CAP:
        return problem(413, f"The inbox takes at most {BODY_CAP} bytes.")
    organization = Organization.objects.filter(inbox_token=token).first()
    if organization is None:
        return problem(404, "There is no such inbox.")
    arrival = Arrival(
        connector_id=connector_id,
        method=request.method or "POST",
        path=request.get_full_path(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
    )
    with scope.organization(organization.id):
        message = keep(organization, arrival, HIDDEN, clock.now())
    if int(answer) in BODYLESS:
        return HttpResponse(status=int(answer))
    return JsonResponse({"received": str(message.id), "verified": message.verified}, status=int(answer))


@require_GET
@member_page()
def inbox_page(request: HttpRequest) -> HttpResponse:
    organization = access_of(request).organization
    before = uuid_of(request.GET.get("before"))
    newest_first = InboxMessage.objects.order_by("-id")
    found = list((newest_first.filter(id__lt=before) if before else newest_first)[: PAGE + 1])
    connectors = list(Connector.objects.order_by("name"))
    names = {connector.id: connector.name for connector in connectors}
    context: dict[str, Any] = {
        "arrived": [
            Shown(message=one, connector_name=names.get(one.connector_id or NOBODY, "")) for one in found[:PAGE]
        ],
        "older": len(found) > PAGE,
        "newest": before is None,
        "own": [(str(c.id), c.name, c.url) for c in connectors if is_inbox_url(c.url, organization)],
        "open_url": inbox_url(organization, NOBODY),
    }
    return fragments.answer(request, "connectors/inbox.html", "connectors/_inbox.html", context)


@require_POST
@member_page(OPERATE)
def clear_inbox(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Forget everything that arrived; nothing else refers to it."""
    InboxMessage.objects.all().delete()
    return redirect("inbox")
