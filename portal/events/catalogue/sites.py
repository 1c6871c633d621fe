"""Events of a whole site, measured values, and the ping."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

ANY_VALUE = {"type": ["number", "boolean", "string"]}

CAPABILITIES = ("charge_state", "information", "start_charging", "stop_charging", "location")

LIMIT_SET = EventType(
    name="grid-signal-processor/limitation-of-power-consumption/set",
    version=1,
    flow="events",
    subject="gateway",
    title="Consumption limited by the grid",
    description="The grid operator limits how much power the site may draw (in Germany: section 14a EnWG).",
    schema=schemas.closed(
        {
            "limit_w": schemas.quantity("W", "The most power that the site may draw now.", lowest=0, highest=1e9),
            "received_at": schemas.moment("When the gateway received the signal."),
            "valid_until": schemas.moment("Until when the limit holds; absent: until further notice."),
        },
        required=("limit_w",),
    ),
    sample={"limit_w": 4200, "received_at": "2026-01-15T10:29:58Z", "valid_until": "2026-01-15T12:30:00Z"},
)

LIMIT_UNSET = EventType(
    name="grid-signal-processor/limitation-of-power-consumption/unset",
    version=1,
    flow="events",
    subject="gateway",
    title="Consumption limit lifted",
    description="The grid operator's limit on the site's consumption has ended.",
    schema=schemas.closed({"received_at": schemas.moment("When the gateway received the signal.")}),
    sample={"received_at": "2026-01-15T10:29:58Z"},
)

SYSTEM_ACTION = EventType(
    name="system/action",
    version=1,
    flow="alarms",
    subject="system",
    title="Somebody has to act",
    description="Something at a site works again only after a person has acted, such as by signing in anew.",
    schema=schemas.closed(
        {
            "id": schemas.identifier("The action: the same one may be reported again."),
            "type": schemas.one_of(("ev",), "What kind of asset it concerns."),
            "manufacturer": schemas.text("Who made that asset.", longest=200),
            "domain": schemas.one_of(
                ("account", "device"),
                "Whether the manufacturer's user account is concerned, or the device itself.",
            ),
            "introduced_at": schemas.moment("Since when the action is needed."),
            "status": schemas.one_of(("open", "solved"), "Whether somebody still has to act; absent: yes."),
            "capabilities": {
                "type": "array",
                "items": schemas.one_of(CAPABILITIES, "One of them."),
                "uniqueItems": True,
                "description": "What works again once somebody has acted.",
            },
            "resolution": schemas.closed(
                {
                    "title": schemas.text("What to do, in a few words of the user's language.", longest=300),
                    "description": schemas.text("How to do it: Markdown, in the user's language.", longest=10_000),
                    "access": schemas.one_of(("remote", "physical"), "In the manufacturer's app, or at the device."),
                    "agent": schemas.one_of(("user", "third_party"), "The user, or a service partner."),
                    "action": schemas.one_of(("link", "link_additional_asset"), "The step that would resolve it."),
                },
                required=("title", "description", "access", "agent"),
            )
            | {"description": "What would resolve it."},
        },
        required=("id", "type", "manufacturer", "domain", "introduced_at", "resolution"),
    ),
    sample={
        "id": "3c1d5a52-6f0e-4f6e-9a3b-6f3f0c3f1b57",
        "type": "ev",
        "manufacturer": "Examplo",
        "domain": "account",
        "introduced_at": "2026-01-15T08:00:00Z",
        "status": "open",
        "capabilities": ["charge_state", "location"],
        "resolution": {
            "title": "Accept the new terms",
            "description": "1. Open the **Examplo** app.\n2. Accept the terms and conditions.",
            "access": "remote",
            "agent": "user",
            "action": "link",
        },
    },
)

DATAPOINT_VALUE = EventType(
    name="datapoint/value",
    version=1,
    flow="values",
    subject="gateway",
    title="Value of a data point",
    description="A measured value that passed its data point's change filter.",
    schema=schemas.closed(
        {
            "property": schemas.text("Name of the data point.", longest=200),
            "value": ANY_VALUE | {"description": "What was measured, in `unit`."},
            "unit": schemas.text("Unit of `value`, as the data point defines it.", longest=20),
            "quality": schemas.one_of(("good", "uncertain", "bad"), "What the gateway thinks of the measurement."),
            "reason": schemas.one_of(
                ("first", "changed", "interval", "reset"),
                "first: no value was sent before. changed: by its threshold. interval: silent long enough. "
                "reset: the counter began anew.",
            ),
            "previous": schemas.closed(
                {
                    "value": ANY_VALUE | {"description": "That value, in `unit`."},
                    "time": schemas.moment("When it was measured."),
                },
                required=("value", "time"),
            )
            | {"description": "The value sent before this one."},
        },
        required=("property", "value", "reason"),
    ),
    sample={
        "property": "battery.state_of_charge",
        "value": 63.5,
        "unit": "%",
        "quality": "good",
        "reason": "changed",
        "previous": {"value": 62, "time": "2026-01-15T10:25:00.000Z"},
    },
)

PING = EventType(
    name="ping",
    version=1,
    flow="events",
    subject="organization",
    title="Ping",
    description="A test that somebody asked for: it means nothing else.",
    schema=schemas.closed({"message": schemas.text("A word to the receiver.")}),
    sample={"message": "Hello from Feeder"},
    subscribable=False,
)
