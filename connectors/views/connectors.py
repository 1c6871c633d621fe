"""Pages: the connectors, their switch and their test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors import (
    auth,
    configure,
    health,
    history,
    outbox,
    ownership,
    ownership_rules,
    pausing,
    policies,
    profiles,
    signing,
)
from connectors.advice import advice
from connectors.carrying import carried
from connectors.exchange import send_sample
from connectors.forms import pause_days
from connectors.health import Day, Health
from connectors.inbox import is_inbox_url
from connectors.models import Connector, ConnectorHealth, Origin, Ownership, WhilePaused
from connectors.target import origin_of
from connectors.timeline import describe
from connectors.views.deliveries import gateways_of, tries_of
from portal.events.catalogue import CATALOGUE
from portal.lib import clock, fragments
from portal.tenants.access import MANAGE, OPERATE, access_of, get_or_404
from portal.tenants.pages import member_page

TESTED = "tested"
"""Session key: this person has sent a test that arrived."""

WAITING_WORDS: Final[dict[WhilePaused, str]] = {
    WhilePaused.HOLD: "What waits is held, and so is what comes.",
    WhilePaused.DROP: "What waits is dropped now, and what comes, too.",
}

MOST_SHOWN: Final = 200
STATUSES: Final[tuple[tuple[Health, str], ...]] = (
    ("healthy", "Healthy"),
    ("retrying", "Retrying"),
    ("failing", "Failing"),
    ("new", "New"),
    ("paused", "Paused"),
    ("disabled", "Off"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A connector as a row of the list, or at the head of its own page."""

    connector: Connector
    health: Health
    last: ConnectorHealth | None
    day: Day
    triggers: list[Any]

    @property
    def key(self) -> str:
        return str(self.connector.id)

    @property
    def label(self) -> str:
        return health.label_of(self.connector, self.health)

    @property
    def event_types(self) -> list[str]:
        """What its triggers that are switched on send there."""
        return sorted({name for trigger in self.triggers if trigger.enabled for name in trigger.event_types})

    @property
    def resting_until(self) -> datetime | None:
        """While the breaker leaves the endpoint alone: when one message finds out how it is."""
        until = self.last.resting_until if self.last else None
        sends = self.connector.enabled and self.connector.paused_at is None
        return until if until and sends and until > clock.now() else None

    @property
    def by_subscription(self) -> bool:
        return self.connector.origin == Origin.SUBSCRIPTION


def cards(connectors: list[Connector], now: datetime) -> list[Card]:
    """Three queries, however many connectors: the triggers come prefetched."""
    last = health.load(connectors)
    days = health.days([connector.id for connector in connectors], now)
    return [
        Card(
            connector=connector,
            health=health.health_of(connector, last.get(connector.id)),
            last=last.get(connector.id),
            day=days[connector.id],
            triggers=list(connector.triggers.all()),
        )
        for connector in connectors
    ]


@require_GET
@member_page()
def connector_list(request: HttpRequest) -> HttpResponse:
    text, status = request.GET.get("q", "").strip(), request.GET.get("status", "")
    everything = list(Connector.objects.prefetch_related("triggers").order_by("name"))
    last = health.load(everything)
    found = [c for c in everything if text.lower() in f"{c.name}\n{c.url}".lower()]
    by_health = {c.id: health.health_of(c, last.get(c.id)) for c in found}
    chips = [("", "All", len(found))]
    chips += [(name, label, sum(h == name for h in by_health.values())) for name, label in STATUSES]
    wanted = [c for c in found if not status or by_health[c.id] == status]
    context = {
        "cards": cards(wanted[:MOST_SHOWN], clock.now()),
        "surplus": max(0, len(wanted) - MOST_SHOWN),
        "any": bool(everything),
        "chips": chips,
        "q": text,
        "status": status,
    }
    answer = fragments.answer(request, "connectors/list.html", "connectors/_list.html", context)
    filters = {"q": text, "status": status}
    return fragments.at_address(request, answer, urlencode({name: value for name, value in filters.items() if value}))


@require_GET
@member_page()
def connector_page(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    return show(request, _connector(connector_id))


def show(request: HttpRequest, connector: Connector, **more: Any) -> HttpResponse:
    """The page of one connector; `more` adds to its context, such as a secret that is shown once."""
    card = cards([connector], clock.now())[0]
    policy = policies.resolve(connector)
    profile, scheme = profiles.resolve(connector.profile), signing.SCHEMES.get(connector.signing)
    rows = history.deliveries(history.Filters(connector_id=connector.id), limit=10)
    context = {
        "card": card,
        "connector": connector,
        "organization": access_of(request).organization,
        "profile": profile,
        "scheme": scheme,
        "retries": policy.title if policy else connector.retry_policy,
        "policy": policy,
        "timeline": describe(policy) if policy else None,
        "pause_days": pause_days(policy) if policy else "",
        "auth_scheme": auth.SCHEMES.get(connector.auth_type),
        "check": check_of(connector),
        "in_inbox": is_inbox_url(connector.url, access_of(request).organization),
        "samples": [name for name in CATALOGUE if profile is not None and profile.carries(name)],
        "start": health.first_hour(clock.now()),
        "rows": rows,
        "tries": {connector.id: tries_of(connector)},
        "gateways": gateways_of(rows),
        "waiting": outbox.waiting_count([connector.id]).get(connector.id, 0),
        "tested": request.session.get(TESTED) == str(connector.id) or card.last is not None,
        **more,
    }
    return fragments.answer(request, "connectors/connector.html", "connectors/_connector.html", context)


@require_POST
@member_page(MANAGE)
def switch(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """On or off, as `enabled` says: two people who press at once then do not undo each other."""
    connector = _connector(connector_id)
    if connector.origin == Origin.SUBSCRIPTION:
        return fragments.refused("This connector belongs to a subscription: the partner switches it there.")
    enabled = request.POST.get("enabled") == "true"
    try:
        configure.set_enabled(connector, enabled=enabled)
    except configure.NotVerifiedError as error:
        return fragments.refused(str(error))
    words = "is on." if enabled else "is off. Nothing new is queued for it; what waits is held until it is on again."
    return fragments.toast(_where_it_was_pressed(request, connector_id), f"{connector.name} {words}")


@require_http_methods(["GET", "POST"])
@member_page(OPERATE)
def pause(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Asks whether to hold or to drop, and says how many wait now. Of a paused connector, it changes that."""
    connector = _connector(connector_id)
    chosen = request.POST.get("waiting", "")
    if request.method == "POST" and chosen in WhilePaused.values:
        pausing.pause_by_hand(connector, access_of(request), WhilePaused(chosen), clock.now())
        messages.success(request, f"{connector.name} is paused. {WAITING_WORDS[WhilePaused(chosen)]}")
        return redirect("connector", connector.id)
    context = {
        "connector": connector,
        "chosen": connector.while_paused,
        "waiting": outbox.waiting_count([connector.id]).get(connector.id, 0),
    }
    return render(request, "connectors/pause.html", context)


@require_POST
@member_page(OPERATE)
def resume(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    connector = _connector(connector_id)
    pausing.resume(connector)
    words = f"{connector.name} is resumed. What was held is sent now, the oldest first."
    return fragments.toast(_where_it_was_pressed(request, connector_id), words)


def _where_it_was_pressed(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """The connector's page or its row in the list, as `of` says."""
    connector = _connector(connector_id)
    if request.POST.get("of") == "page":
        return show(request, connector)
    return render(request, "connectors/_row.html", {"card": cards([connector], clock.now())[0]})


@require_POST
@member_page(OPERATE)
def test(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Send a sample now and show the whole exchange. Nothing of it is kept."""
    connector = _connector(connector_id)
    event_type = request.POST.get("event_type", "")
    profile = profiles.resolve(connector.profile)
    if event_type and event_type not in CATALOGUE:
        return fragments.refused("There is no such event type.")
    if event_type and profile is not None and (refusal := profile.refusal(event_type)):
        return fragments.refused(refusal)
    exchange = send_sample(connector, event_type)
    if exchange.delivered:
        request.session[TESTED] = str(connector.id)
    status = exchange.response["status"] if exchange.response else None
    error = exchange.error["class"] if exchange.error else None
    context = {
        "connector": connector,
        "event_type": event_type,
        "exchange": exchange,
        "status": status,
        "error": error,
        "advice": advice(status, error),
    }
    return render(request, "connectors/_test.html", context)


@require_POST
@member_page(MANAGE)
def verify(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Ask the receiver whether it wants to be sent to, and show what it answered."""
    connector = _connector(connector_id)
    try:
        result = ownership.verify(connector, clock.now())
    except ownership.NoCheckError:
        return fragments.refused("This connector has no ownership check.")
    context = {"connector": connector, "check": check_of(connector), "result": result}
    return render(request, "connectors/_ownership.html", context)


@require_GET
@member_page()
def format_page(request: HttpRequest, connector_id: UUID) -> HttpResponse:
    """Which types of events the connector's format carries, and what arrives for each."""
    connector = _connector(connector_id)
    profile = profiles.resolve(connector.profile)
    types = list(carried(profile, str(connector.organization_id))) if profile is not None else []
    context = {
        "connector": connector,
        "profile": profile,
        "carried": [one for one in types if one.refusal is None],
        "refused": [one for one in types if one.refusal is not None],
    }
    return render(request, "connectors/format.html", context)


def check_of(connector: Connector) -> dict[str, Any]:
    """What a page says of the ownership check."""
    return {
        "shown": connector.ownership != Ownership.NONE,
        "state": ownership_rules.state_of(connector, clock.now()),
        "title": Ownership(connector.ownership).label,
        "host": origin_of(connector.url),
        "obstacle": configure.obstacle(connector),
    }


def _connector(connector_id: UUID) -> Connector:
    return get_or_404(Connector.objects.prefetch_related("triggers"), pk=connector_id)
