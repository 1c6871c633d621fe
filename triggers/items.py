"""What comes in, as it is read from a call, a file or a job; what every item is checked for; and how a batch fared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from msgspec import Meta, Struct

from portal.fleet.locate import UnknownAppliance

FUTURE = timedelta(minutes=5)
"""A device's clock may be ahead by this much."""
OLDEST = timedelta(days=31)
"""What is older is history, and history is imported, not streamed."""

Reference: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
"""An id or a serial number. PostgreSQL's text holds no NUL: refused here, it does not fail the whole batch."""
Time: TypeAlias = Annotated[datetime, Meta(tz=True)]


class ReadingItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measured value as it arrives; gateway and appliance by id or serial number."""

    gateway: Reference
    appliance: Reference | None = None
    property: Reference
    value: float | int | bool | Annotated[str, Meta(max_length=1000)]
    time: Time
    quality: Literal["good", "uncertain", "bad"] = "good"


class EventItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as it arrives. `id` is the producer's own and keeps a repeated call from adding it twice."""

    type: str
    gateway: Reference | None = None
    appliance: Reference | None = None
    time: Time | None = None
    id: Reference | None = None
    correlation_id: UUID | None = None
    data: dict[str, Any] = {}


@dataclass(slots=True, kw_only=True)
class Result:
    """How a batch fared. `rejected` names each refused item by its index, with a pointer into it and the reason."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, index: int, *errors: tuple[str, str]) -> None:
        listed = [{"pointer": pointer, "detail": detail} for pointer, detail in errors]
        self.rejected.append({"index": index, "errors": listed})

    def as_json(self) -> dict[str, Any]:
        rejected = sorted(self.rejected, key=lambda item: item["index"])
        return {"accepted": self.accepted, "duplicates": self.duplicates, "rejected": rejected}


def check_time(time: datetime, now: datetime, oldest: timedelta | None) -> list[tuple[str, str]]:
    if time > now + FUTURE:
        return [("/time", f"The time is in the future by more than {FUTURE.seconds // 60} minutes.")]
    if oldest is not None and time < now - oldest:
        return [("/time", f"The time is more than {oldest.days} days ago; import history instead.")]
    return []


def unknown(error: Exception, gateway: str, appliance: str | None) -> tuple[str, str]:
    if isinstance(error, UnknownAppliance):
        return "/appliance", f"Gateway {gateway!r} has no appliance {appliance!r}."
    return "/gateway", f"There is no gateway {gateway!r}."
