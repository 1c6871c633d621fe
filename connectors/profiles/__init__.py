"""How a message looks on the wire. Pure: a parsed event document in, bytes out.

To add a format, or a new version of one, write a module with a PROFILE and name it in PROFILES. A version
that connectors are pinned to stays as it is.
"""

from __future__ import annotations

from connectors.profiles import (
    bosch,
    gridx,
    gridx_2026_06,
    smartgridone,
    standard,
    standard_batch,
    standard_binary,
    wattsense,
    withthegrid,
)
from connectors.profiles.profile import PLAIN, SAMPLE, Context, Document, Item, Profile, RenderError

__all__ = ["PLAIN", "PROFILES", "SAMPLE", "Context", "Document", "Item", "Profile", "RenderError", "resolve"]

PROFILES: dict[str, Profile] = {
    "standard.2026-11": standard.PROFILE,
    "standard-binary.2026-11": standard_binary.PROFILE,
    "standard-batch.2026-11": standard_batch.PROFILE,
    "gridx.2026-03": gridx.PROFILE,
    "gridx.2026-06": gridx_2026_06.PROFILE,
    "withthegrid.2026-11": withthegrid.PROFILE,
    "smartgridone.2026-11": smartgridone.PROFILE,
    "wattsense.2026-11": wattsense.PROFILE,
    "bosch.2026-11": bosch.PROFILE,
}


def resolve(name_or_version: str, pinned: str = "") -> Profile | None:
    """The version that is named. A bare name keeps the version that is `pinned`, and is the newest one otherwise."""
    if exact := PROFILES.get(name_or_version):
        return exact
    if (kept := PROFILES.get(pinned)) and kept.name == name_or_version:
        return kept
    versions = [profile for profile in PROFILES.values() if profile.name == name_or_version]
    return max(versions, key=lambda profile: profile.version, default=None)
