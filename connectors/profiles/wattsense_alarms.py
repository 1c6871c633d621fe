"""What the alarms route is told of an event: Wattsense's alerts have an id, a status and a severity (B4).

Events of other kinds that belong on this route are put in the same words, so that a receiver reads one shape there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.profiles.profile import Document

OPEN, ACKNOWLEDGED, CLOSED = "open", "acknowledged", "closed"
STANDARD, CRITICAL = "standard", "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`id` is the same for all events of one alarm; `texts` are by language; `raised_at` is RFC 3339."""

    id: str
    status: str
    severity: str
    texts: Mapping[str, str] = field(default_factory=dict)
    raised_at: str | None = None


def alarm_of(document: Document, data: Mapping[str, Any]) -> Alarm:
    """An event that tells of nothing lasting is an open alarm of its own."""
    match document["type"]:
        case "alarm/raised" | "alarm/acknowledged" | "alarm/closed":
            return Alarm(
                id=data["alarm_id"],
                status=data["status"],
                severity=data["severity"],
                texts=data.get("texts", {}),
                raised_at=data.get("raised_at"),
            )
        case "appliance/error" | "appliance/warning":
            return _fault(document, data)
        case "inverter/status":
            return _inverter(document, data)
        case "system/action":
            return Alarm(
                id=data["id"],
                status=CLOSED if data.get("status") == "solved" else OPEN,
                severity=STANDARD,
                texts={"": data["resolution"]["title"]},
                raised_at=data["introduced_at"],
            )
        case _:
            reason = data.get("failure_reason")
            return Alarm(
                id=document["id"],
                status=OPEN,
                severity=STANDARD,
                texts={"": reason["detail"]} if reason else {},
            )


def _fault(document: Document, data: Mapping[str, Any]) -> Alarm:
    return Alarm(
        id=data.get("fault_id") or f"{document['appliance']['id']}:{data['code']}",
        status=OPEN if data["active"] else CLOSED,
        severity=CRITICAL if document["type"] == "appliance/error" else STANDARD,
        texts=data.get("texts", {}),
        raised_at=data.get("since"),
    )


def _inverter(document: Document, data: Mapping[str, Any]) -> Alarm:
    """One alarm per inverter, closed when its status is ok; then it is as severe as what is over."""
    status = data["status"]
    worst = data["last_status"] if status == "ok" else status
    return Alarm(
        id=f"{document['appliance']['id']}:status",
        status=CLOSED if status == "ok" else OPEN,
        severity=CRITICAL if worst == "error" else STANDARD,
    )
