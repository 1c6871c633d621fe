"""Every format, with every event that it can carry."""

from __future__ import annotations

import json

import pytest
from jsonschema_rs import Draft202012Validator, meta

from connectors.profiles import PROFILES, Item, Profile
from connectors.profiles.profile import SAMPLE
from portal.events.catalogue import CATALOGUE, sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
CARRIED = [(profile.id, name) for profile in PROFILES.values() for name in CATALOGUE if profile.carries(name)]


def violations(profile: Profile, name: str, body: bytes) -> list[str]:
    validator = Draft202012Validator(dict(profile.schema(name)), validate_formats=True)
    return [error.message for error in validator.iter_errors(json.loads(body))]


@pytest.mark.parametrize(("profile", "name"), CARRIED)
class TestEveryType:
    def test_its_schema_is_one(self, profile: str, name: str) -> None:
        schema = dict(PROFILES[profile].schema(name))
        meta.validate(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    def test_the_sample_is_what_the_schema_says(self, profile: str, name: str) -> None:
        sample = PROFILES[profile].sample(name, ORGANIZATION)
        assert violations(PROFILES[profile], name, sample.body) == []
        assert sample.content_type == PROFILES[profile].content_type

    def test_so_it_is_with_consent(self, profile: str, name: str) -> None:
        document = sample_document(name, ORGANIZATION) | {"consent": {"personal_data": True}}
        rendered = PROFILES[profile].render([Item(document)], SAMPLE)
        assert violations(PROFILES[profile], name, rendered.body) == []

    def test_the_schema_does_not_accept_just_anything(self, profile: str, name: str) -> None:
        validator = Draft202012Validator(dict(PROFILES[profile].schema(name)))
        assert not any(validator.is_valid(other) for other in ({"unheard": "of"}, [], [{}], "text", None))


@pytest.mark.parametrize("profile", PROFILES)
def test_what_a_format_does_not_carry_has_a_reason(profile: str) -> None:
    refused = [name for name in [*CATALOGUE, "no/such-type"] if not PROFILES[profile].carries(name)]
    assert all(len(str(PROFILES[profile].refusal(name))) > 10 for name in refused)
