"""The form of a connector. What may be stored is decided by `connectors.refusals`, for pages and REST alike."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from connectors import policies, profiles, refusals, retry, signing
from connectors.inbox import inbox_url
from connectors.models import DEFAULT_CONCURRENCY, Connector
from connectors.timeline import describe
from portal.lib.uuid7 import uuid7
from portal.tenants.models import Company, Organization

KEEP = "keep"
INBOX, URL = "inbox", "url"

AUTH_TITLES = {
    "none": "None: the signature is enough",
    "header": "A header of your choice",
    "basic": "User name and password (Basic)",
    "bearer": "Bearer token",
}
AUTH_INPUTS = {
    "header": {"name": "header_name", "value": "header_value"},
    "basic": {"username": "username", "password": "password"},
    "bearer": {"token": "token"},
}
"""By type: the fields of `connectors.auth` and the inputs of this form that fill them."""

REASON_PLACES = {
    "signing/scheme": "signing",
    "auth/name": "header_name",
    "auth/value": "header_value",
    "auth/username": "username",
    "auth/password": "password",
    "auth/token": "token",
    "auth/type": "auth_type",
}


def pause_days(policy: retry.Policy) -> str:
    """After how long of only failures a connector with this policy is paused."""
    days = round(policy.pause_after / 86_400)
    return "1 day" if days == 1 else f"{days} days"


def _secret(label: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


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
        label="Format", choices=[(key, profile.title) for key, profile in profiles.PROFILES.items()]
    )
    auth_type = forms.ChoiceField(label="Authentication", choices=list(AUTH_TITLES.items()))
    header_name = forms.CharField(label="Header", required=False, initial="Authorization")
    header_value = _secret("Value")
    username = forms.CharField(label="User name", required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    password = _secret("Password")
    token = _secret("Token")
    signing = forms.ChoiceField(
        label="Signature",
        required=False,
        choices=[("", "As usual for the format")] + [(name, scheme.TITLE) for name, scheme in signing.SCHEMES.items()],
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
        for name in ("signing", "retry_policy"):
            field: Any = self.fields[name]
            field.choices = field.choices[1:]
        if connector.auth_type != "none":
            auth: Any = self.fields["auth_type"]
            auth.choices = [(KEEP, f"Keep as it is ({AUTH_TITLES[connector.auth_type].lower()})"), *auth.choices]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for field, reason in refusals.check_connector(self.wanted(given), self.connector).items():
            place = REASON_PLACES.get(field, field if field in self.fields else None)
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
        for name in ("retry_policy", "concurrency"):
            if given.get(name):
                fields[name] = given[name]
        if given.get("signing"):
            fields["signing"] = {"scheme": given["signing"]}
        if (kind := given.get("auth_type")) and kind != KEEP:
            inputs = AUTH_INPUTS.get(kind, {})
            fields["auth"] = {"type": kind, **{name: given.get(box, "") for name, box in inputs.items()}}
        return fields


def _initial(connector: Connector, organization: Organization) -> dict[str, Any]:
    in_inbox = connector.url == inbox_url(organization, connector.id)
    return {
        "name": connector.name,
        "company": connector.company_id,
        "target": INBOX if in_inbox else URL,
        "url": "" if in_inbox else connector.url,
        "profile": connector.profile,
        "auth_type": "none" if connector.auth_type == "none" else KEEP,
        "header_name": connector.auth_public.get("name", "Authorization"),
        "username": connector.auth_public.get("username", ""),
        "signing": connector.signing,
        "retry_policy": policies.name_of(connector),
        "concurrency": connector.concurrency,
        "rate_limit": connector.rate_limit,
        "ordered": connector.ordered,
    }
