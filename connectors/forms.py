"""The form of a connector. What may be stored is decided by `connectors.refusals`, for pages and REST alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from connectors import auth, batching, policies, profiles, refusals, retry, signing
from connectors.form_fields import (
    ROUTES,
    FormatSelect,
    auth_inputs,
    filled_in,
    input_of,
    route_inputs,
    signing_inputs,
)
from connectors.inbox import inbox_url
from connectors.models import DEFAULT_CONCURRENCY, Connector, Ownership
from connectors.timeline import describe
from portal.lib.uuid7 import uuid7
from portal.tenants.models import Company, Organization

KEEP = "keep"
INBOX, URL = "inbox", "url"


def pause_days(policy: retry.Policy) -> str:
    """After how long of only failures a connector with this policy is paused."""
    days = round(policy.pause_after / 86_400)
    return "1 day" if days == 1 else f"{days} days"


class ConnectorForm(forms.Form):
    """With `connector`, the form changes it; without, it makes a new one, whose id is settled before it is saved."""

    name = forms.CharField(label="Name", max_length=200, help_text="As it is shown in lists, such as “Alarm desk”.")
    company = forms.ModelChoiceField(
        label="Company",
        queryset=Company._base_manager.none(),
        required=False,
        empty_label="All companies",
        help_text="With one chosen, only events of its gateways are sent.",
    )
    target = forms.ChoiceField(
        label="Where to",
        choices=[(URL, "A partner's URL"), (INBOX, "The built-in inbox")],
        widget=forms.RadioSelect,
        initial=URL,
    )
    url = forms.CharField(
        label="URL",
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://partner.example/webhooks", "autocomplete": "off"}),
        help_text="A public https address. Redirects are not followed.",
    )
    profile = forms.ChoiceField(
        label="Format",
        choices=[(key, profile.title) for key, profile in profiles.PROFILES.items()],
        widget=FormatSelect,
    )
    auth_type = forms.ChoiceField(
        label="Authentication", choices=[(name, scheme.TITLE) for name, scheme in auth.SCHEMES.items()]
    )
    signing = forms.ChoiceField(
        label="Signature",
        required=False,
        choices=[("", "As usual for the format")] + [(name, scheme.TITLE) for name, scheme in signing.SCHEMES.items()],
    )
    signing_secret = forms.CharField(
        label="Its secret",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
        help_text="One that the receiver has already. Leave it empty, and one is made and shown once.",
    )
    ownership = forms.ChoiceField(
        label="Ownership check",
        required=False,
        choices=[("", "As the organization asks for"), *Ownership.choices],
        help_text="With a check, the connector can be switched on only after the receiver has shown that it wants to be"
        " sent to. After a change of the URL's host it has to show it again.",
    )
    batch_max_events = forms.IntegerField(
        label="Events in one request, at most",
        required=False,
        min_value=1,
        max_value=batching.MOST_EVENTS,
        initial=batching.DEFAULT_EVENTS,
    )
    batch_max_bytes = forms.IntegerField(
        label="Bytes of its body, at most",
        required=False,
        min_value=batching.FEWEST_BYTES,
        max_value=batching.MOST_BYTES,
        initial=batching.DEFAULT_BYTES,
        help_text="An event that is larger goes alone.",
    )
    batch_wait_ms = forms.IntegerField(
        label="Milliseconds to wait for more",
        required=False,
        min_value=0,
        max_value=batching.LONGEST_WAIT_MS,
        initial=batching.DEFAULT_WAIT_MS,
        help_text="Counted from the first event on. Whichever limit is reached first sends the request.",
    )
    retry_policy = forms.ChoiceField(
        label="Retries",
        required=False,
        help_text="A connector that does nothing but fail for days is paused, and holds its deliveries.",
    )
    concurrency = forms.IntegerField(
        label="Requests at once",
        min_value=1,
        max_value=refusals.MOST_CONCURRENT,
        initial=DEFAULT_CONCURRENCY,
        help_text="Lower it for a receiver that is easily overrun.",
    )
    rate_limit = forms.IntegerField(
        label="Messages per minute, at most",
        required=False,
        min_value=1,
        max_value=refusals.HIGHEST_RATE,
        widget=forms.NumberInput(attrs={"placeholder": "No limit"}),
        help_text="Spread evenly, retries included. What comes faster waits. Leave it empty for no limit.",
    )
    ordered = forms.BooleanField(
        label="In order",
        required=False,
        help_text="Each gateway's messages go one at a time, in the order of their events. While one is tried again,"
        " the later ones of its gateway wait. Slower; choose it only for a receiver that needs it.",
    )

    def __init__(self, data: Any = None, *, organization: Organization, connector: Connector | None = None) -> None:
        super().__init__(data, initial=_initial(connector, organization) if connector else None)
        self.fields.update([*auth_inputs(), *signing_inputs(), *route_inputs()])
        self.organization = organization
        self.connector = connector
        self.connector_id: UUID = connector.id if connector else uuid7()
        known = policies.every()
        self.timelines = [(policy.title, describe(policy)) for policy in known]
        retries: Any = self.fields["retry_policy"]
        retries.choices = [("", "As usual for the format"), *((one.name, policies.title_of(one)) for one in known)]
        companies: Any = self.fields["company"]
        companies.queryset = Company.objects.order_by("name")
        if connector is not None:
            self._for_change(connector)

    def _for_change(self, connector: Connector) -> None:
        self.fields["company"].disabled = True
        self.fields["company"].help_text = "A connector stays with its company."
        del self.fields["signing_secret"]  # a rotation has a page of its own
        for name in ("signing", "retry_policy", "ownership"):
            field: Any = self.fields[name]
            field.choices = field.choices[1:]
        if connector.auth_type != "none":
            kinds: Any = self.fields["auth_type"]
            title = auth.SCHEMES[connector.auth_type].TITLE if connector.auth_type in auth.SCHEMES else "not known"
            kinds.choices = [(KEEP, f"Keep as it is ({title})"), *kinds.choices]

    def auth_groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """By scheme of authentication: its inputs."""
        return [
            (name, [self[input_of(name, field.name)] for field in scheme.FIELDS])
            for name, scheme in auth.SCHEMES.items()
            if scheme.FIELDS
        ]

    def signing_groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """By signing scheme with options: its inputs."""
        return [
            (name, [self[input_of(name, option)] for option in options]) for name, options in signing.OPTIONS.items()
        ]

    def routes(self) -> list[forms.BoundField]:
        return [self[input_of("route", route)] for route in ROUTES]

    @property
    def moves_off(self) -> bool:
        """Whether another host in the URL would switch the connector off."""
        connector = self.connector
        return connector is not None and connector.enabled and connector.ownership != Ownership.NONE

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for field, reason in refusals.check_connector(self.wanted(given), self.connector).items():
            place = self._place(field, given)
            if place not in self.errors:  # the form has said it in its own words
                self.add_error(place, reason)
        same_name = Connector.objects.filter(name=given.get("name")).exclude(id=self.connector_id)
        if same_name.exists():
            self.add_error("name", "Another connector has this name.")
        return given

    def wanted(self, given: dict[str, Any]) -> dict[str, Any]:
        """What was filled in, by the names of `connectors.configure`."""
        url = given.get("url", "")
        if given.get("target") == INBOX:
            url = inbox_url(self.organization, self.connector_id)
        fields: dict[str, Any] = {"name": given.get("name", ""), "url": url, "profile": given.get("profile", "")}
        if self.connector is None:
            fields |= {"id": self.connector_id, "company": given.get("company")}
        fields |= {"rate_limit": given.get("rate_limit"), "ordered": bool(given.get("ordered"))}
        fields |= {name: given[name] for name in ("retry_policy", "concurrency", "ownership") if given.get(name)}
        if profile := profiles.resolve(given.get("profile", "")):
            fields["routes"] = filled_in("route", profile.routes, given)
            if profile.most_events > 1:
                fields |= {name: given[name] for name in batching.FIELDS if given.get(name) is not None}
        if scheme := given.get("signing"):
            secret = {"secret": given["signing_secret"]} if given.get("signing_secret") else {}
            fields["signing"] = {
                "scheme": scheme,
                **secret,
                **filled_in(scheme, (*signing.OPTIONS.get(scheme, ()),), given),
            }
        elif given.get("signing_secret"):
            fields["signing"] = {"secret": given["signing_secret"]}
        if (kind := given.get("auth_type")) and kind != KEEP:
            names = tuple(field.name for field in auth.SCHEMES[kind].FIELDS)
            fields["auth"] = {"type": kind, **filled_in(kind, names, given)}
        return fields

    def _place(self, field: str, given: dict[str, Any]) -> str | None:
        """The input that a reason belongs to; None for the form as a whole."""
        part, _, deeper = field.partition("/")
        places = {
            "auth": "auth_type" if deeper == "type" else input_of(str(given.get("auth_type")), deeper),
            "signing": "signing" if deeper == "scheme" else input_of(str(given.get("signing")), deeper),
            "routes": input_of("route", deeper),
        }
        place = places.get(part, part)
        if field == "signing/secret":
            place = "signing_secret"
        return place if place in self.fields else None


def _initial(connector: Connector, organization: Organization) -> dict[str, Any]:
    in_inbox = connector.url == inbox_url(organization, connector.id)
    return {
        "name": connector.name,
        "company": connector.company_id,
        "target": INBOX if in_inbox else URL,
        "url": "" if in_inbox else connector.url,
        "profile": connector.profile,
        "auth_type": "none" if connector.auth_type == "none" else KEEP,
        "signing": connector.signing,
        "retry_policy": policies.name_of(connector),
        "concurrency": connector.concurrency,
        "rate_limit": connector.rate_limit,
        "ordered": connector.ordered,
        "ownership": connector.ownership,
        **{name: getattr(connector, name) for name in batching.FIELDS},
        **{input_of(connector.auth_type, name): value for name, value in connector.auth_public.items()},
        **{input_of(connector.signing, name): value for name, value in connector.signing_options.items()},
        **{input_of("route", name): value for name, value in connector.routes.items()},
    }
