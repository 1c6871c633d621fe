"""A device's report of several observations at once."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

MOST_OBSERVATIONS = 1000

OBSERVATION = schemas.closed(
    {
        "property": schemas.name("Name of the data point: what was observed."),
        "value": {
            "type": ["number", "boolean", "string", "null"],
            "maxLength": 1000,
            "description": "What was observed, in `unit`; null: nothing could be measured.",
        },
        "unit": schemas.text("Unit of `value`.", longest=20),
        "quality": schemas.one_of(("good", "uncertain", "bad"), "What the device thinks of the measurement."),
        "time": schemas.instant("When it was measured; absent: at the report's time."),
        "port": schemas.name("The port of the device that the sensor is connected to."),
        "channel": {
            "type": "integer",
            "minimum": 0,
            "maximum": 65535,
            "description": "Which of several like measurements at that port, counted from 0.",
        },
    },
    required=("property", "value"),
)

DATAPOINT_REPORT = EventType(
    name="datapoint/report",
    version=1,
    flow="values",
    subject="gateway",
    title="Report of several observations",
    description="What a gateway, or an appliance behind it, observed and sent as one report. No change filter applies "
    "to it; like single values, it leaves only while the gateway's data points do.",
    schema=schemas.closed(
        {
            "observations": {
                "type": "array",
                "items": OBSERVATION,
                "minItems": 1,
                "maxItems": MOST_OBSERVATIONS,
                "description": "The measurements, in the order in which the device gave them.",
            },
            "report_type": schemas.name("What kind of report it is, as the devices' maker names it."),
            "fields": schemas.free_form("What else the report says, passed on as it came."),
            "user_id": schemas.identifier("The person who wrote the report; absent: the device itself did."),
        },
        required=("observations",),
    ),
    sample={
        "observations": [
            {
                "property": "active_power",
                "value": 7827000,
                "unit": "W",
                "quality": "good",
                "time": "2026-01-15T10:29:58.000Z",
                "port": "L1",
                "channel": 0,
            },
            {"property": "voltage", "value": 230.41, "unit": "V", "port": "L1", "channel": 1},
        ],
        "report_type": "periodic",
        "fields": {"firmware": "v2.1.0"},
        "user_id": "a115d9e3-6e78-4ddf-8676-a98c28ad8249",
    },
    personal_data=("user_id",),
)
