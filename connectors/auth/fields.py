"""Checks that the schemes share: a configuration's fields are texts, complete, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.headers import value_problem

Config = Mapping[str, object]
Problems = dict[str, str]
Check = Callable[[str], str | None]


def check_fields(config: Config, checks: Mapping[str, Check]) -> Problems:
    """Field → reason, for each field that is missing, unknown, not a text, or refused by its check."""
    problems = {name: "Unknown field." for name in config if name not in checks and name != "type"}
    for name, check in checks.items():
        value = config.get(name)
        if value is None:
            problems[name] = "This field is required."
        elif not isinstance(value, str):
            problems[name] = "Must be a text."
        elif problem := check(value):
            problems[name] = problem
    return problems


def secret_text(value: str) -> str | None:
    """A header's value that must not be empty."""
    return value_problem(value) if value else "This field is required."


def text(config: Config, name: str) -> str:
    """A field of a checked configuration."""
    return str(config[name])
