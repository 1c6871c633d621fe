"""Making and changing connectors, for REST and pages alike: what is refused with its reason, and what follows.

`fields` has the names of the REST contract: name, url, routes, profile, auth, signing, retry_policy, concurrency,
rate_limit, ordered, and company. Reasons are keyed by field; what lies deeper has a slash, such as `auth/token`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from connectors import auth, inbox, outbox, pausing, profiles, retry, signing
from connectors.dispatch import egress_policy
from connectors.models import Connector, PauseReason, SigningSecret
from connectors.profiles import Profile
from connectors.target import check_url
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from portal.tenants.access import Access
from portal.tenants.models import Organization

Fields: TypeAlias = Mapping[str, Any]
Reasons: TypeAlias = dict[str, str]

PLAIN = ("name", "url", "routes", "retry_policy", "concurrency", "rate_limit", "ordered")
"""Fields that are stored as they come."""

MOST_CONCURRENT = 200
HIGHEST_RATE = 1_000_000
"""Messages per minute, far above what one receiver takes: who wants more wants no limit."""


class DoesNotSignError(Exception):
    """A secret was asked for, but the connector's signing scheme has none."""


def check_connector(fields: Fields, connector: Connector | None = None) -> Reasons:
    """Why these fields cannot be stored; empty when they can. `connector` is the one to change, None for a new one."""
    profile = _profile(fields, connector)
    reasons = {
        "name": _name(fields.get("name"), given="name" in fields or connector is None),
        "url": _url(fields.get("url"), given="url" in fields or connector is None),
        "profile": _profile_reason(fields, profile, connector),
        "routes": _routes(fields.get("routes"), profile),
        "retry_policy": _one_of(fields.get("retry_policy"), retry.POLICIES),
        "concurrency": _whole_number(fields.get("concurrency"), MOST_CONCURRENT),
        "rate_limit": _whole_number(fields.get("rate_limit"), HIGHEST_RATE),
    }
    found = {field: reason for field, reason in reasons.items() if reason}
    if "auth" in fields:
        found |= {f"auth/{name}": reason for name, reason in auth.check(fields["auth"]).items()}
    return found | _signing(fields.get("signing") or {}, profile, connector)


def create_connector(access: Access, fields: Fields) -> tuple[Connector, str | None]:
    """A new connector, disabled, and the secret made for it (None when it has none, or brought its own).

    Expects fields that `check_connector` passed. A key narrowed to a company makes connectors of that company.
    """
    profile = profiles.resolve(fields["profile"])
    if profile is None:
        raise ValueError(f"there is no profile {fields['profile']}")
    wanted: Mapping[str, Any] = fields.get("signing") or {}
    company = fields.get("company")
    connector = Connector(
        id=fields.get("id") or uuid7(),
        organization_id=access.organization.id,
        company_id=company.id if company is not None else access.company_id,
        origin=fields.get("origin", "portal"),
        profile=profile.id,
        signing=wanted.get("scheme") or profile.default_signing,
        retry_policy=profile.default_retry_policy,
    )
    with transaction.atomic():
        _set_plain(connector, fields)
        _set_auth(connector, fields)
        connector.save(force_insert=True)
        return connector, _set_secret(connector, wanted.get("secret"), clock.now())


def change_connector(connector: Connector, fields: Fields, now: datetime) -> str | None:
    """Store what is given; returns a secret that had to be made because the signing scheme changed.

    Expects fields that `check_connector` passed.
    """
    with transaction.atomic():
        _take_as_it_stands(connector)
        if "profile" in fields and (profile := profiles.resolve(fields["profile"], connector.profile)):
            connector.profile = profile.id
        if fields.get("url", connector.url) != connector.url:
            pausing.forgive(connector.id, now)
        _set_plain(connector, fields)
        _set_auth(connector, fields)
        if "enabled" in fields:
            _switch(connector, enabled=fields["enabled"])
        wanted: Mapping[str, Any] = fields.get("signing") or {}
        changed = wanted.get("scheme", connector.signing) != connector.signing
        connector.signing = wanted.get("scheme", connector.signing)
        connector.save()
        if changed or wanted.get("secret"):
            return _resign(connector, wanted.get("secret"), now)
    return None


def set_enabled(connector: Connector, *, enabled: bool) -> None:
    """Switch a connector. Switching it on forgets why it was switched off, and what its failures led to."""
    with transaction.atomic():
        _switch(connector, enabled=enabled)
        connector.save(update_fields=["enabled", "disabled_reason", "updated_at"])


def remove_connector(connector: Connector) -> None:
    """Delete a connector; what still waits for it is listed as dropped.

    Not in one transaction, because millions may wait. What an intake call under way still puts there after the first
    drop is taken by the second.
    """
    reason = "The connector was deleted."
    connector_id = connector.id
    Connector.objects.filter(id=connector_id).update(enabled=False)
    outbox.drop_waiting(connector_id, reason)
    connector.delete()
    outbox.drop_waiting(connector_id, reason)


def rotate_secret(connector: Connector, now: datetime, secret: str | None = None) -> str:
    """A new secret (or the one given); the old ones go on signing for the overlap, at most MAX_SECRETS in all.

    Raises DoesNotSignError for a scheme without secrets.
    """
    scheme = signing.SCHEMES[connector.signing]
    if not scheme.NEEDS_SECRET:
        raise DoesNotSignError
    with transaction.atomic():
        Connector.objects.select_for_update(no_key=True, of=("self",)).get(id=connector.id)
        rows = SigningSecret.objects.filter(connector=connector)
        rows.filter(expires_at__lte=now).delete()
        rows.filter(Q(expires_at=None) | Q(expires_at__gt=now + signing.OVERLAP)).update(
            expires_at=now + signing.OVERLAP
        )
        surplus = list(rows.order_by("-created_at", "-id").values_list("id", flat=True))
        rows.filter(id__in=surplus[signing.MAX_SECRETS - 1 :]).delete()
        secret = secret or scheme.generate()
        _add_secret(connector, secret)
    return secret


def live_secrets(connector: Connector, now: datetime) -> list[str]:
    """The secrets that sign now, the newest first. Raises SecretUnreadable."""
    return [row.get_secret() for row in live_rows(connector, now)]


def live_rows(connector: Connector, now: datetime) -> QuerySet[SigningSecret]:
    rows = SigningSecret.objects.filter(connector=connector)
    return rows.filter(Q(expires_at=None) | Q(expires_at__gt=now)).order_by("-created_at", "-id")


def _set_plain(connector: Connector, fields: Fields) -> None:
    for name in PLAIN:
        if name in fields:
            setattr(connector, name, fields[name])


def _set_auth(connector: Connector, fields: Fields) -> None:
    """Authentication is replaced as a whole: a secret never outlives the settings it was given for."""
    config = fields.get("auth")
    if config is None:
        return
    scheme = auth.SCHEMES[config["type"]]
    connector.auth_type = config["type"]
    connector.auth_public = {name: config[name] for name in scheme.PUBLIC if config.get(name)}
    connector.set_credentials({name: config[name] for name in scheme.SECRET if config.get(name)})


def _switch(connector: Connector, *, enabled: bool) -> None:
    """A pause by hand outlasts it; the one that failures led to ends, for whoever switches it on wants it to send."""
    connector.enabled = enabled
    if not enabled:
        return
    connector.disabled_reason = ""
    if connector.paused_reason == PauseReason.FAILING:
        pausing.resume(connector)
    else:
        pausing.forgive(connector.id, clock.now())


def _take_as_it_stands(connector: Connector) -> None:
    """What the engine writes by itself is read again under a lock, so that saving the row does not undo it."""
    written = ["enabled", "disabled_reason", "paused_at", "paused_reason", "paused_detail", "while_paused"]
    connector.refresh_from_db(fields=written, from_queryset=Connector.objects.select_for_update(no_key=True))


def _set_secret(connector: Connector, own: str | None, now: datetime) -> str | None:
    if not signing.SCHEMES[connector.signing].NEEDS_SECRET:
        return None
    made = rotate_secret(connector, now, own)
    return None if own else made


def _resign(connector: Connector, own: str | None, now: datetime) -> str | None:
    """After a change of scheme: secrets that the new one cannot use go, and one is made if none is left."""
    scheme = signing.SCHEMES[connector.signing]
    rows = list(live_rows(connector, now))
    unfit = [row.id for row in rows if not scheme.NEEDS_SECRET or scheme.check(row.get_secret())]
    SigningSecret.objects.filter(id__in=unfit).delete()
    if own is None and len(unfit) < len(rows):
        return None
    return _set_secret(connector, own, now)


def _add_secret(connector: Connector, secret: str) -> None:
    row = SigningSecret(organization_id=connector.organization_id, connector=connector)
    row.set_secret(secret)
    row.save()


# reasons


def _profile(fields: Fields, connector: Connector | None) -> Profile | None:
    pinned = connector.profile if connector is not None else ""
    named = fields.get("profile", pinned)
    return profiles.resolve(named, pinned) if isinstance(named, str) else None


def _profile_reason(fields: Fields, profile: Profile | None, connector: Connector | None) -> str | None:
    if "profile" not in fields and connector is None:
        return "This field is required."
    if profile is None:
        return f"There is no such profile. There are: {', '.join(profiles.PROFILES)}."
    if connector is None or "profile" not in fields or profile.id == connector.profile:
        return None
    return next(filter(None, map(profile.refusal, sorted(event_types_of(connector)))), None)


def event_types_of(connector: Connector) -> set[str]:
    """What its triggers and its subscription send to a connector. Their models belong to the package above."""
    types: set[str] = set()
    for listed in connector.triggers.values_list("event_types", flat=True):
        types.update(listed)
    if (subscription := getattr(connector, "subscription", None)) is not None:
        types.update(subscription.event_types)
    return types


def _name(name: object, *, given: bool) -> str | None:
    if not given:
        return None
    return None if isinstance(name, str) and name.strip() else "This field is required."


def _url(url: object, *, given: bool) -> str | None:
    return url_reason(url) if given else None


def url_reason(url: object) -> str | None:
    """Why messages cannot go to this URL, or None."""
    if not isinstance(url, str) or not url:
        return "This field is required."
    organization = Organization.objects.get(id=_organization_id())
    return " ".join(check_url(url, egress_policy(), exempt=inbox.exemption(url, organization))) or None


def _organization_id() -> UUID:
    organization_id = scope.current().organization
    if organization_id is None:
        raise scope.NoOrganization("a connector belongs to one organization")
    return organization_id


def _routes(routes: object, profile: Profile | None) -> str | None:
    if not routes or profile is None:
        return None
    return f"The profile {profile.name} has one address for everything: leave the routes empty."


def _one_of(name: object, known: Mapping[str, object]) -> str | None:
    return None if name is None or name in known else f"One of: {', '.join(known)}."


def _whole_number(value: object, most: int) -> str | None:
    if value is None or (isinstance(value, int) and 1 <= value <= most):
        return None
    return f"A whole number from 1 to {most:,}."


def _signing(wanted: Fields, profile: Profile | None, connector: Connector | None) -> Reasons:
    default = connector.signing if connector is not None else (profile.default_signing if profile else "none")
    name = wanted.get("scheme") or default
    scheme = signing.SCHEMES.get(name)
    if scheme is None:
        return {"signing/scheme": f"One of: {', '.join(signing.SCHEMES)}."}
    secret = wanted.get("secret")
    if secret is None:
        return {}
    if not scheme.NEEDS_SECRET:
        return {"signing/secret": "This scheme has no secret."}
    reason = scheme.check(secret)
    return {"signing/secret": reason} if reason else {}
