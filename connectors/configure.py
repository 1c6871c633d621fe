"""Making and changing connectors, for REST and pages alike. What is refused, and why, `connectors.refusals` says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from connectors import auth, batching, outbox, ownership_rules, pausing, policies, profiles, signing
from connectors.models import Connector, DisabledReason, Ownership, PauseReason, SigningSecret
from connectors.profiles import Profile
from connectors.refusals import Fields, signing_options
from connectors.target import origin_of
from portal.lib import clock
from portal.lib.crypto import SecretUnreadable
from portal.lib.uuid7 import uuid7
from portal.tenants.access import Access

PLAIN = (
    *("name", "url", "routes", "concurrency", "rate_limit", "ordered", "ownership"),
    *batching.FIELDS,
)
"""Fields that are stored as they come."""


class DoesNotSignError(Exception):
    """A secret was asked for, but the connector's signing scheme has none."""


class NotVerifiedError(Exception):
    """The connector may not be switched on before the ownership check that its text asks for."""


def create_connector(access: Access, fields: Fields) -> tuple[Connector, str | None]:
    """A new connector, disabled, and the secret made for it (None when it has none, or brought its own).

    Expects fields that `refusals.check_connector` passed. A key narrowed to a company makes connectors of that company.
    """
    profile = profiles.resolve(fields["profile"])
    if profile is None:
        raise ValueError(f"there is no profile {fields['profile']}")
    wanted: Mapping[str, Any] = fields.get("signing") or {}
    scheme = wanted.get("scheme") or profile.default_signing
    company = fields.get("company")
    connector = Connector(
        id=fields.get("id") or uuid7(),
        organization_id=access.organization.id,
        company_id=company.id if company is not None else access.company_id,
        origin=fields.get("origin", "portal"),
        profile=profile.id,
        batch_max_events=batching.default_events(profile),
        signing=scheme,
        signing_options=signing_options(wanted, scheme, None),
        retry_policy=profile.default_retry_policy,
        ownership=ownership_rules.default_method(scheme, fields["url"], access.organization),
    )
    with transaction.atomic():
        _set_plain(connector, fields)
        _set_auth(connector, fields)
        connector.save(force_insert=True)
        return connector, _set_secret(connector, wanted.get("secret"), clock.now())


def change_connector(connector: Connector, fields: Fields, now: datetime) -> str | None:
    """Store what is given; returns a secret that had to be made because the signing scheme changed.

    Expects fields that `refusals.check_connector` passed. A connector whose ownership is to be shown, and is not for
    the host that it now has, is switched off.
    """
    with transaction.atomic():
        _take_as_it_stands(connector)
        if "profile" in fields and (profile := profiles.resolve(fields["profile"], connector.profile)):
            _set_profile(connector, profile)
        if fields.get("url", connector.url) != connector.url:
            pausing.forgive(connector.id, now)
        before = origin_of(connector.url)
        _set_plain(connector, fields)
        _set_auth(connector, fields)
        if origin_of(connector.url) != before:
            connector.ownership_asked_at, connector.ownership_digest = None, ""
        if "enabled" in fields:
            _switch(connector, enabled=fields["enabled"])
        elif connector.enabled and connector.ownership != Ownership.NONE and obstacle(connector):
            connector.enabled, connector.disabled_reason = False, DisabledReason.UNVERIFIED
        wanted: Mapping[str, Any] = fields.get("signing") or {}
        scheme = wanted.get("scheme", connector.signing)
        connector.signing_options = signing_options(wanted, scheme, connector)
        changed = scheme != connector.signing
        connector.signing = scheme
        connector.save()
        if changed or wanted.get("secret"):
            return _resign(connector, wanted.get("secret"), now)
    return None


def set_enabled(connector: Connector, *, enabled: bool) -> None:
    """Switch a connector. Switching it on forgets why it was switched off, and what its failures led to.

    Raises NotVerifiedError.
    """
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


def obstacle(connector: Connector) -> str | None:
    """Why this connector may not be switched on yet, or None."""
    host, organization = connector.ownership_verified_host, connector.organization
    return ownership_rules.obstacle(connector.ownership, host, connector.url, organization)


def _set_plain(connector: Connector, fields: Fields) -> None:
    for name in PLAIN:
        if name in fields:
            setattr(connector, name, fields[name])
    if "retry_policy" in fields:
        policies.assign(connector, fields["retry_policy"])


def _set_profile(connector: Connector, profile: Profile) -> None:
    """Limits of batches and routes belong to a format: they begin anew where the other one has no use for them."""
    former = profiles.resolve(connector.profile)
    if former is None or (former.most_events == 1) != (profile.most_events == 1):
        connector.batch_max_events = batching.default_events(profile)
    connector.batch_max_events = min(connector.batch_max_events, profile.most_events)
    if former is None or former.routes != profile.routes:
        connector.routes = {}
    connector.profile = profile.id


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
    if enabled and not connector.enabled and (reason := obstacle(connector)):
        raise NotVerifiedError(reason)
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
    written += ["ownership_verified_at", "ownership_verified_host", "ownership_asked_at", "ownership_digest"]
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
    unfit = [row.id for row in rows if not _fits(scheme, row)]
    SigningSecret.objects.filter(id__in=unfit).delete()
    if own is None and len(unfit) < len(rows):
        return None
    return _set_secret(connector, own, now)


def _fits(scheme: signing.Scheme, row: SigningSecret) -> bool:
    try:
        return scheme.NEEDS_SECRET and scheme.check(row.get_secret()) is None
    except SecretUnreadable:
        return False


def _add_secret(connector: Connector, secret: str) -> None:
    row = SigningSecret(organization_id=connector.organization_id, connector=connector)
    row.set_secret(secret)
    row.save()
