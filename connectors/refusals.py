"""What of a connector's configuration is refused, and why: asked before it is stored, by REST and pages alike.

`fields` has the names of the REST contract: name, url, routes, profile, auth, signing, retry_policy, concurrency,
rate_limit, ordered, the limits of batches, ownership, enabled, and company. Reasons are keyed by field; what lies
deeper has a slash, such as `auth/token`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from connectors import auth, batching, inbox, ownership_rules, policies, profiles, signing
from connectors.dispatch import egress_policy
from connectors.models import Connector, Ownership
from connectors.profiles import Profile
from connectors.target import check_url, join_route, origin_of, route_problem
from portal.lib.crypto import SecretUnreadable
from portal.tenants import scope
from portal.tenants.models import Organization

Fields: TypeAlias = Mapping[str, Any]
Reasons: TypeAlias = dict[str, str]

MOST_CONCURRENT: Final = 200
HIGHEST_RATE: Final = 1_000_000
"""Messages per minute, far above what one receiver takes: who wants more wants no limit."""

REQUIRED: Final = "This field is required."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A connector as it would be: what is given, and for the rest what it has. `connector` is None for a new one."""

    given: Fields
    connector: Connector | None
    organization: Organization

    @property
    def profile(self) -> Profile | None:
        pinned = self.connector.profile if self.connector else ""
        named = self.given.get("profile", pinned)
        return profiles.resolve(named, pinned) if isinstance(named, str) else None

    @property
    def url(self) -> object:
        return self.given.get("url", self.connector.url if self.connector else None)

    @property
    def scheme(self) -> str:
        default = self.profile.default_signing if self.profile else "none"
        named = self._signing.get("scheme") or (self.connector.signing if self.connector else default)
        return str(named)

    @property
    def options(self) -> dict[str, Any]:
        return signing_options(self._signing, self.scheme, self.connector)

    @property
    def routes(self) -> object:
        """Those of another format have no meaning in this one."""
        kept = self.connector is not None and self.profile is not None and self.profile.id == self.connector.profile
        return self.given.get("routes", self.connector.routes if kept and self.connector else {})

    @property
    def auth(self) -> Fields | None:
        """None where it cannot be used anyway, or its secrets cannot be opened: sending will say so."""
        config = self.given.get("auth") or _kept_auth(self.connector)
        return None if config is None or auth.check_form(config) else config

    @property
    def ownership(self) -> object:
        kept = self.connector.ownership if self.connector else None
        default = ownership_rules.default_method(self.scheme, str(self.url), self.organization)
        return self.given.get("ownership", kept or default)

    @property
    def _signing(self) -> Fields:
        return self.given.get("signing") or {}

    def gives(self, *names: str) -> bool:
        """Whether any of these is to be stored; of a new connector, everything is."""
        return self.connector is None or any(name in self.given for name in names)


def check_connector(fields: Fields, connector: Connector | None = None) -> Reasons:
    """Why these fields cannot be stored; empty when they can. `connector` is the one to change, None for a new one."""
    plan = Plan(given=fields, connector=connector, organization=_organization())
    reasons = {
        "name": _name(fields.get("name")) if plan.gives("name") else None,
        "url": url_reason(fields.get("url")) if plan.gives("url") else None,
        "profile": _profile(plan),
        "retry_policy": _retry_policy(fields.get("retry_policy")),
        "concurrency": _whole_number(fields.get("concurrency"), MOST_CONCURRENT),
        "rate_limit": _whole_number(fields.get("rate_limit"), HIGHEST_RATE),
    }
    found = {field: reason for field, reason in reasons.items() if reason}
    found |= batching.check(fields, plan.profile) | _signing(plan) | _auth(plan)
    if "url" in found:  # what goes behind it, or with it, cannot be judged yet
        return found
    found |= _routes(plan)
    found |= _headers(plan) | _addresses(plan, found)
    later = {"ownership": _ownership(plan), "enabled": _enabled(plan)}
    return found | {field: reason for field, reason in later.items() if reason}


def url_reason(url: object) -> str | None:
    """Why messages cannot go to this URL, or None."""
    if not isinstance(url, str) or not url:
        return REQUIRED
    return " ".join(check_url(url, egress_policy(), exempt=inbox.exemption(url, _organization()))) or None


def secret_reason(secret: str, connector: Connector) -> str | None:
    """Why the connector cannot sign with this secret, or None."""
    return check_connector({"signing": {"secret": secret}}, connector).get("signing/secret")


def event_types_of(connector: Connector) -> set[str]:
    """What its triggers and its subscription send to a connector. Their models belong to the package above."""
    types: set[str] = set()
    for listed in connector.triggers.values_list("event_types", flat=True):
        types.update(listed)
    if (subscription := getattr(connector, "subscription", None)) is not None:
        types.update(subscription.event_types)
    return types


def signing_options(wanted: Fields, scheme: str, connector: Connector | None) -> dict[str, Any]:
    """The scheme's options after a change: an empty one has its default; those of another scheme are forgotten."""
    kept = connector.signing_options if connector is not None and connector.signing == scheme else {}
    given = {name: value for name, value in wanted.items() if name not in {"scheme", "secret"}}
    return {name: value for name, value in {**kept, **given}.items() if value != ""}


def _organization() -> Organization:
    organization_id = scope.current().organization
    if organization_id is None:
        raise scope.NoOrganization("a connector belongs to one organization")
    return Organization.objects.get(id=organization_id)


def _profile(plan: Plan) -> str | None:
    if not plan.gives("profile"):
        return None
    if "profile" not in plan.given:
        return REQUIRED
    if plan.profile is None:
        return f"There is no such profile. There are: {', '.join(profiles.PROFILES)}."
    if plan.connector is None or plan.profile.id == plan.connector.profile:
        return None
    return next(filter(None, map(plan.profile.refusal, sorted(event_types_of(plan.connector)))), None)


def _name(name: object) -> str | None:
    return None if isinstance(name, str) and name.strip() else REQUIRED


def _retry_policy(name: object) -> str | None:
    if name is None or policies.known(name):
        return None
    return f"One of: {', '.join(policy.name for policy in policies.every())}."


def _whole_number(value: object, most: int) -> str | None:
    if value is None or (isinstance(value, int) and 1 <= value <= most):
        return None
    return f"A whole number from 1 to {most:,}."


def _routes(plan: Plan) -> Reasons:
    """Every route that the profile has, and no other; where each leads is judged like the URL itself."""
    profile = plan.profile
    if profile is None or not plan.gives("routes", "profile", "url"):
        return {}
    routes = plan.routes
    if not profile.routes:
        return (
            {"routes": f"The profile {profile.name} has one address for everything: leave it empty."} if routes else {}
        )
    if not isinstance(routes, Mapping):
        return {"routes": f"An object with {', '.join(profile.routes)} is expected."}
    reasons = {
        f"routes/{name}": f"There are: {', '.join(profile.routes)}." for name in routes if name not in profile.routes
    }
    for name in profile.routes:
        if reason := _route(str(plan.url), routes.get(name)):
            reasons[f"routes/{name}"] = reason
    return reasons


def _route(url: str, route: object) -> str | None:
    if not isinstance(route, str):
        return REQUIRED
    return route_problem(route) or url_reason(join_route(url, route))


def _signing(plan: Plan) -> Reasons:
    wanted: Fields = plan.given.get("signing") or {}
    if plan.scheme not in signing.SCHEMES:
        return {"signing/scheme": f"One of: {', '.join(signing.SCHEMES)}."}
    if reasons := signing.check_options(plan.scheme, plan.options):
        return {f"signing/{option}": reason for option, reason in reasons.items()}
    scheme = signing.bound(plan.scheme, plan.options)
    secret = wanted.get("secret")
    if secret is None or scheme is None:
        return {}
    if not scheme.NEEDS_SECRET:
        return {"signing/secret": "This scheme has no secret."}
    reason = scheme.check(secret)
    return {"signing/secret": reason} if reason else {}


def _auth(plan: Plan) -> Reasons:
    """Also a URL in it, such as where tokens are: the product calls it, so the connector's own rules hold for it."""
    config = plan.given.get("auth")
    if config is None:
        return {"auth": "An object with a type is expected."} if "auth" in plan.given else {}
    reasons = auth.check(config)
    for field in auth.SCHEMES[config["type"]].FIELDS if not reasons else ():
        called = config.get(field.name)
        if field.kind is auth.Kind.URL and called and (problems := check_url(str(called), egress_policy())):
            reasons[field.name] = " ".join(problems)
    return {f"auth/{name}": reason for name, reason in reasons.items()}


def _headers(plan: Plan) -> Reasons:
    """A header that both authenticates and signs would be sent twice, and receivers read one of the two."""
    scheme = signing.bound(plan.scheme, plan.options)
    if not plan.gives("auth", "signing") or plan.auth is None or scheme is None:
        return {}
    used = {name.lower() for name in auth.prepare(plan.auth).secret_names}
    if used.isdisjoint(name.lower() for name in scheme.HEADERS):
        return {}
    if "auth" in plan.given and ("name" in plan.auth or "signing" not in plan.given):
        return {f"auth/{'name' if 'name' in plan.auth else 'type'}": "The signature has this header."}
    option = "header" if "header" in signing.OPTIONS.get(plan.scheme, {}) else "scheme"
    return {f"signing/{option}": "The authentication has this header."}


def _addresses(plan: Plan, found: Reasons) -> Reasons:
    """Whether the authentication goes with every URL that messages are sent to: with routes, not with their base."""
    if not plan.gives("auth", "url", "routes", "profile") or plan.auth is None:
        return {}
    url, urls = str(plan.url), {"url": str(plan.url)}
    if plan.profile is not None and plan.profile.routes and isinstance(plan.routes, Mapping):
        urls = {f"routes/{name}": join_route(url, str(plan.routes.get(name))) for name in plan.profile.routes}
    reasons = {field: auth.check_url(plan.auth, each) for field, each in urls.items() if field not in found}
    return {field: reason for field, reason in reasons.items() if reason}


def _kept_auth(connector: Connector | None) -> dict[str, Any] | None:
    """None where there is none, or its secrets cannot be opened: sending will say so."""
    if connector is None or connector.auth_type not in auth.SCHEMES:
        return None
    try:
        return {"type": connector.auth_type, **connector.auth_public, **connector.get_credentials()}
    except SecretUnreadable:
        return None


def _ownership(plan: Plan) -> str | None:
    needs_secret = plan.ownership == Ownership.CHALLENGE and plan.gives("signing")
    if not (plan.gives("ownership") or needs_secret or _moves(plan)):
        return None
    return ownership_rules.refusal(plan.ownership, plan.scheme, str(plan.url), plan.organization)


def _enabled(plan: Plan) -> str | None:
    """What is on already, and goes on sending to the same host, needs no new check to stay on."""
    connector = plan.connector
    if not plan.given.get("enabled"):
        return None
    if connector is not None and connector.enabled and plan.ownership == connector.ownership and not _moves(plan):
        return None
    host = connector.ownership_verified_host if connector is not None else ""
    return ownership_rules.obstacle(str(plan.ownership), host, str(plan.url), plan.organization)


def _moves(plan: Plan) -> bool:
    """Whether it goes to another host than before."""
    return plan.connector is not None and origin_of(str(plan.url)) != origin_of(plan.connector.url)
