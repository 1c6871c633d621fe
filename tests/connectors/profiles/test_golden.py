"""The exact bytes of every sample: connectors are pinned to a version, so these files never change."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.profiles import PROFILES
from portal.events.catalogue import CATALOGUE

GOLDEN = Path(__file__).parent / "golden"
ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
PINNED = ("withthegrid.2026-11", "smartgridone.2026-11")
CARRIED = [(profile, name) for profile in PINNED for name in CATALOGUE if PROFILES[profile].carries(name)]


def path_of(profile: str, name: str) -> Path:
    return GOLDEN / profile / f"{name.replace('/', '.')}.json"


@pytest.mark.parametrize(("profile", "name"), CARRIED)
def test_the_sample_is_the_same_to_the_byte(profile: str, name: str) -> None:
    assert PROFILES[profile].sample(name, ORGANIZATION).body == path_of(profile, name).read_bytes()


def test_there_is_one_file_for_each() -> None:
    files = {file for profile in PINNED for file in (GOLDEN / profile).iterdir()}
    assert files == {path_of(profile, name) for profile, name in CARRIED}
