"""Inputs of the connector's form that are made from what schemes and formats say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms

from connectors import auth, profiles, signing
from connectors.auth import Field, Kind
from connectors.signing import custom

ROUTES: Final = tuple(dict.fromkeys(route for profile in profiles.PROFILES.values() for route in profile.routes))
ROUTE_HINTS: Final = {"values": "/hooks/values", "events": "/hooks/events", "alarms": "/hooks/alarms"}

AUTH_DEFAULTS: Final = {"header_name": "Authorization"}
SIGNING_LABELS: Final = {
    "header": "Header",
    "algorithm": "Algorithm",
    "encoding": "Written in",
    "prefix": "Before the digest",
    "api_key": "API key",
}
SIGNING_HINTS: Final = {
    "prefix": "Such as sha256=. Empty for none.",
    "api_key": "Says whose signature it is. It is no secret.",
}
SIGNING_CHOICES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "algorithm": tuple((name, f"HMAC-SHA-{name.removeprefix('sha')}") for name in custom.ALGORITHMS),
    "encoding": (("hex", "Hexadecimal digits"), ("base64", "Base64")),
}


class SecretArea(forms.Textarea):
    """Lines that are taken and never shown again."""

    def format_value(self, value: Any) -> str:
        return ""


class FormatSelect(forms.Select):
    """Marks each format with what it has, so that the style sheet shows the inputs for that alone."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if profile := profiles.PROFILES.get(str(value)):
            marks = ["batched"] * (profile.most_events > 1) + ["routed"] * bool(profile.routes)
            option["attrs"]["class"] = " ".join(marks)
        return option


def auth_inputs() -> Iterator[tuple[str, forms.Field]]:
    for name, scheme in auth.SCHEMES.items():
        for field in scheme.FIELDS:
            place = input_of(name, field.name)
            yield place, _auth_input(field, AUTH_DEFAULTS.get(place))


def signing_inputs() -> Iterator[tuple[str, forms.Field]]:
    for name, options in signing.OPTIONS.items():
        for option in options:
            yield input_of(name, option), _signing_input(option, getattr(signing.SCHEMES[name], option))


def route_inputs() -> Iterator[tuple[str, forms.Field]]:
    for route in ROUTES:
        widget = forms.TextInput(attrs={"placeholder": ROUTE_HINTS.get(route, f"/{route}"), "autocomplete": "off"})
        yield input_of("route", route), forms.CharField(label=f"Route of {route}", required=False, widget=widget)


def input_of(owner: str, field: str) -> str:
    return f"{owner}_{field}"


def filled_in(owner: str, names: Mapping[str, Any] | tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in for the scheme or format, by its own names."""
    return {name: given.get(input_of(owner, name), "") for name in names}


def _auth_input(field: Field, default: str | None) -> forms.Field:
    common: dict[str, Any] = {"label": field.label, "required": False, "help_text": field.help, "initial": default}
    if field.choices:
        return forms.ChoiceField(**common, choices=field.choices)
    return forms.CharField(**common, strip=not field.kind.is_secret, widget=_auth_widget(field))


def _auth_widget(field: Field) -> forms.Widget:
    attrs = {"autocomplete": "off"}
    if field.kind is Kind.SECRET:
        return forms.PasswordInput(attrs=attrs, render_value=False)
    if field.kind in (Kind.PEM, Kind.SECRET_PEM):
        area = SecretArea if field.kind.is_secret else forms.Textarea
        return area(attrs=attrs | {"rows": 4, "spellcheck": "false", "placeholder": "-----BEGIN …"})
    if field.kind is Kind.URL:
        return forms.URLInput(attrs=attrs | {"placeholder": "https://"})
    return forms.TextInput(attrs=attrs)


def _signing_input(option: str, default: str) -> forms.Field:
    common: dict[str, Any] = {
        "label": SIGNING_LABELS[option],
        "required": False,
        "help_text": SIGNING_HINTS.get(option, ""),
        "initial": default,
    }
    if option in SIGNING_CHOICES:
        return forms.ChoiceField(**common, choices=SIGNING_CHOICES[option])
    return forms.CharField(**common, strip=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
