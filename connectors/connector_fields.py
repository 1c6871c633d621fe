"""REST: the parts of a connector that are objects themselves. Secrets come in and never go out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, get_args

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors import auth, ownership_rules, signing
from connectors.models import Connector, Ownership
from portal.lib import clock
from portal.lib.crypto import SecretUnreadable
from portal.lib.rest import Strict

AUTH_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string", "enum": list(auth.SCHEMES)}},
    "additionalProperties": {"type": ["string", "boolean"]},
    "description": "Fields by type: "
    + "; ".join(
        f"{name}: {', '.join(field.name for field in scheme.FIELDS) or 'none'}" for name, scheme in auth.SCHEMES.items()
    )
    + ". Secrets are written only; answers say `<field>_set`.",
}
OPTION_NAMES: Final = tuple(dict.fromkeys(name for checks in signing.OPTIONS.values() for name in checks))
SIGNING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "scheme": {"type": "string", "enum": list(signing.SCHEMES)},
        "secret": {"type": "string", "writeOnly": True, "description": "One of the partner's own."},
        "secrets": {"type": "array", "readOnly": True, "items": {"type": "object"}},
        "public_key": {"type": "string", "readOnly": True},
        **{name: {"type": "string"} for name in OPTION_NAMES},
    },
    "description": "Options by scheme: "
    + "; ".join(f"{name}: {', '.join(checks)}" for name, checks in signing.OPTIONS.items())
    + ". An empty one has its default.",
}
OWNERSHIP_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": ["state", "verified_at", "host"],
    "properties": {
        "state": {"type": "string", "enum": list(get_args(ownership_rules.State))},
        "verified_at": {"type": ["string", "null"], "format": "date-time"},
        "host": {"type": ["string", "null"], "description": "Scheme, host and port that were verified last."},
    },
    "description": "Null without a check.",
}


@extend_schema_field(AUTH_SCHEMA)
class AuthField(serializers.Field[Any, Any, Any, Any]):
    """Public fields as they are; of a secret only that it is set. Written as a whole."""

    default_error_messages = {"invalid": "An object with a type is expected."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        return {"auth": data}

    def to_representation(self, value: Connector) -> Any:
        scheme = auth.SCHEMES.get(value.auth_type)
        secrets = scheme.SECRET if scheme is not None else ()
        shown = {f"{name}_set": is_set for name, is_set in _which_are_set(value, secrets).items()}
        return {"type": value.auth_type, **value.auth_public, **shown}


def _which_are_set(connector: Connector, secrets: tuple[str, ...]) -> dict[str, bool]:
    """By name; where they cannot be opened, all that there may be."""
    try:
        opened = connector.get_credentials()
    except SecretUnreadable:
        return dict.fromkeys(secrets, True)
    return {name: bool(opened.get(name)) for name in secrets}


class SigningWish(Strict):
    """A scheme with its options, and perhaps a secret of the partner's own."""

    scheme = serializers.CharField(required=False, max_length=40)
    secret = serializers.CharField(required=False, max_length=500, trim_whitespace=False)

    def get_fields(self) -> dict[str, Any]:
        options = {
            name: serializers.CharField(required=False, allow_blank=True, max_length=200, trim_whitespace=False)
            for name in OPTION_NAMES
        }
        return super().get_fields() | options


@extend_schema_field(SIGNING_SCHEMA)
class SigningField(serializers.Field[Any, Any, Any, Any]):
    """The scheme with its options, and the dates of its live secrets; with public keys the newest one of those."""

    def to_internal_value(self, data: Any) -> Any:
        wish = SigningWish(data=data)
        wish.is_valid(raise_exception=True)
        return {"signing": dict(wish.validated_data)}

    def to_representation(self, value: Connector) -> Any:
        scheme = signing.SCHEMES.get(value.signing)
        shown: dict[str, Any] = {"scheme": value.signing, **value.signing_options}
        if scheme is None or not scheme.NEEDS_SECRET:
            return shown
        now = clock.now()
        rows = [row for row in value.signing_secrets.all() if row.expires_at is None or row.expires_at > now]
        shown["secrets"] = [
            {
                "created_at": clock.rfc3339(row.created_at),
                "expires_at": clock.rfc3339(row.expires_at) if row.expires_at else None,
            }
            for row in rows
        ]
        if rows and not ownership_rules.shares_secret(value.signing):
            with suppress(SecretUnreadable):
                shown["public_key"] = scheme.public_part(rows[0].get_secret())
        return shown


def ownership_shown(connector: Connector) -> dict[str, str | None] | None:
    if connector.ownership == Ownership.NONE:
        return None
    at = connector.ownership_verified_at
    return {
        "state": ownership_rules.state_of(connector, clock.now()),
        "verified_at": clock.rfc3339(at) if at else None,
        "host": connector.ownership_verified_host or None,
    }
