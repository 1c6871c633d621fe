"""What an appliance is (type), and what role it plays (kind): names that models and profiles share.

The names are those of S4 lines 215-216 in lower case.
"""

from __future__ import annotations

APPLIANCE_TYPES = ("unknown", "inverter", "meter", "evstation", "heat_pump", "heater", "container")

APPLIANCE_KINDS = (
    "unknown",
    "pv",
    "battery",
    "hybrid",
    "pv_external",
    "grid",
    "heat_pump",
    "fuel_cell",
    "heat_pump_external",
    "evstation",
    "bttp",
    "heating",
    "misc",
    "cluster",
    "wind_turbine",
)

KINDS_BY_TYPE: dict[str, tuple[str, ...]] = {
    "inverter": ("unknown", "pv", "battery", "hybrid", "pv_external"),  # S4 line 218: what is connected to it
    "meter": APPLIANCE_KINDS,  # S4 line 219: what it measures
}
"""Types that are absent here have no kind (S4 line 217)."""


def why_not_kind(appliance_type: str, kind: str) -> str | None:
    """The reason why an appliance of this type cannot be of this kind, or None. An empty kind always fits."""
    if not kind:
        return None
    kinds = KINDS_BY_TYPE.get(appliance_type)
    if kinds is None:
        return f"an appliance of type {appliance_type} has no kind: only inverters and meters have one"
    if kind not in kinds:
        return f"an appliance of type {appliance_type} is one of: {', '.join(kinds)}"
    return None
