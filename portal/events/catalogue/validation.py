"""Is this `data` what its type describes? On the intake's path: schemas compile once, a check costs a µs."""

from __future__ import annotations

from functools import cache
from itertools import islice

from jsonschema_rs import Draft202012Validator, ValidationError

from portal.events.catalogue.event_type import EventType

MOST_ERRORS = 10
"""As many as a person reads; hostile data could have thousands."""

SHOWN_AS = "the value"
"""Stands for the offending value in error texts: that one may be large, or private."""

LONGEST_DETAIL = 500
"""Characters: a message names each unknown property, however many there are."""


def validate(event_type: EventType, data: object) -> list[tuple[str, str]]:
    """What is wrong with `data`, as (JSON pointer inside `data`, detail); empty when nothing is."""
    validator = _compiled(event_type)
    try:
        if validator.is_valid(data):
            return []
        return [_described(error) for error in islice(validator.iter_errors(data), MOST_ERRORS)]
    except ValueError as error:  # not JSON at all, such as a key that is no string, or nested too deeply to follow
        return [("", str(error))]


@cache
def _compiled(event_type: EventType) -> Draft202012Validator:
    return Draft202012Validator(dict(event_type.schema), validate_formats=True, mask=SHOWN_AS)


def _described(error: ValidationError) -> tuple[str, str]:
    """A missing property is reported at the place where it should be."""
    path = [str(step) for step in error.instance_path]
    if error.kind.name == "required":
        path.append(error.kind.as_dict()["property"])
        return _pointer(path), "is required"
    return _pointer(path), error.message.removeprefix(f"{SHOWN_AS} ")[:LONGEST_DETAIL]


def _pointer(path: list[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
