"""The exact bytes of every sample: connectors are pinned to a version, so these files never change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.profiles import PROFILES
from portal.events.catalogue import CATALOGUE

GOLDEN = Path(__file__).parent / "golden"
ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
PINNED = ("withthegrid.2026-11", "smartgridone.2026-11")
"""With a file for each type; the others have one of all, a line for each type."""
CARRIED = [(profile, name) for profile in PINNED for name in CATALOGUE if PROFILES[profile].carries(name)]
OTHERS = [profile for profile in PROFILES if profile not in PINNED]


def path_of(profile: str, name: str) -> Path:
    return GOLDEN / profile / f"{name.replace('/', '.')}.json"


@pytest.mark.parametrize(("profile", "name"), CARRIED)
def test_the_sample_is_the_same_to_the_byte(profile: str, name: str) -> None:
    assert PROFILES[profile].sample(name, ORGANIZATION).body == path_of(profile, name).read_bytes()


def test_there_is_one_file_for_each() -> None:
    files = {file for profile in PINNED for file in (GOLDEN / profile).iterdir()}
    assert files == {path_of(profile, name) for profile, name in CARRIED}


def line_of(profile: str, name: str) -> str:
    """Type, route, media type, headers and body."""
    sample = PROFILES[profile].sample(name, ORGANIZATION)
    shown = [name, sample.route, sample.content_type, sample.headers, sample.body.decode()]
    return json.dumps(shown, ensure_ascii=False)


@pytest.mark.parametrize("profile", OTHERS)
def test_every_sample_is_the_same_to_the_byte(profile: str) -> None:
    lines = [line_of(profile, name) for name in CATALOGUE if PROFILES[profile].carries(name)]
    assert lines == (GOLDEN / f"{profile}.jsonl").read_text().splitlines()
