"""The form of a retry policy of an organization's own. What may be stored is decided by `connectors.policies`."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from django import forms

from connectors import policies
from connectors.models import RetryPolicy
from connectors.timeline import span

_PART = r"(\d{1,7})\s*(s|min|h|days|day|d)\b"
_WAIT = re.compile(rf"(?:(\d{{1,3}})\s*[x\u00d7]\s*)?((?:{_PART}\s*)+)", re.ASCII | re.IGNORECASE)
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": policies.DAY, "day": policies.DAY, "days": policies.DAY}
_RUN = 3


class PolicyForm(forms.Form):
    """Makes `policy`, or changes it when it is stored already."""

    name = forms.CharField(label="Name", max_length=40, help_text="As connectors choose it.")
    schedule = forms.CharField(
        label="Waits",
        max_length=2000,
        help_text="Before the second try, the third, and so on: 10 s, 5 min, 2 h, 1 day. 50 x 1 min stands for fifty.",
    )
    timeout = forms.IntegerField(label="Longest try, in seconds", min_value=1, max_value=policies.LONGEST_TIMEOUT)
    success = forms.CharField(label="Delivered at", help_text="Statuses, such as 200, 204; a whole class is 2xx.")
    transient = forms.CharField(
        label="Tried again at", required=False, help_text="Empty for everything in neither of the other two."
    )
    gone = forms.CharField(
        label="Switched off at", required=False, help_text="What says that the receiver is gone for good."
    )
    pause_days = forms.IntegerField(label="Paused after days of only failures", min_value=1, max_value=30)
    expires = forms.BooleanField(
        label="Drop what is out of date",
        required=False,
        help_text="A message whose event has an expires_at in the past is not sent any more.",
    )

    def __init__(self, data: Any = None, *, policy: RetryPolicy) -> None:
        super().__init__(data, initial=_initial(policy))
        self.policy = policy
        self.fields_wanted: dict[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if self.errors:
            return given
        try:
            wanted = self._wanted(given)
        except _Unreadable as error:
            self.add_error(error.field, str(error))
            return given
        for field, reason in policies.check(wanted).items():
            place, _, index = field.partition("/")
            self.add_error(
                "pause_days" if place == "pause_after" else place,
                f"Wait {int(index) + 1}: {reason}" if index else reason,
            )
        if RetryPolicy.objects.filter(name=wanted["name"]).exclude(id=self.policy.id).exists():
            self.add_error("name", "Another policy has this name.")
        self.fields_wanted = wanted
        return given

    def _wanted(self, given: dict[str, Any]) -> dict[str, Any]:
        """By the names of `policies.FIELDS`."""
        return {
            "name": given["name"],
            "schedule": _read("schedule", read_schedule, given["schedule"]),
            "timeout": given["timeout"],
            "success": _read("success", _statuses, given["success"]),
            "gone": _read("gone", _statuses, given["gone"]),
            "transient": _read("transient", _statuses, given["transient"]) if given["transient"].strip() else None,
            "pause_after": given["pause_days"] * policies.DAY,
            "expires": given["expires"],
        }


class _Unreadable(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def read_schedule(text: str) -> list[int]:
    """Seconds, from words such as `10 s, 1 h 30 min, 50 x 1 min`. Raises ValueError with the reason."""
    waits: list[int] = []
    for word in filter(None, map(str.strip, text.split(","))):
        found = _WAIT.fullmatch(word)
        if found is None:
            raise ValueError(f"“{word[:30]}” is no wait: write 30 s, 5 min, 2 h or 1 day, with commas between.")
        parts = re.findall(_PART, found[2], re.ASCII | re.IGNORECASE)
        wait = sum(int(count) * _SECONDS[unit.lower()] for count, unit in parts)
        waits += [wait] * int(found[1] or 1)
    return waits


def written(schedule: list[int]) -> str:
    """The opposite of `read_schedule`."""
    words: list[str] = []
    for wait, run in groupby(schedule):
        count = len(list(run))
        words += [f"{count} x {span(wait)}"] if count >= _RUN else [span(wait)] * count
    return ", ".join(words)


def _read(field: str, reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except ValueError as error:
        raise _Unreadable(field, str(error)) from None


def _statuses(text: str) -> list[int]:
    return policies.expanded(text.replace(",", " ").split())


def _initial(policy: RetryPolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "schedule": written(policy.schedule),
        "timeout": policy.timeout,
        "success": _shown(policy.success),
        "transient": _shown(policy.transient or ()),
        "gone": _shown(policy.gone),
        "pause_days": policy.pause_after // policies.DAY,
        "expires": policy.expires,
    }


def _shown(statuses: Any) -> str:
    return ", ".join(map(str, policies.collapsed(statuses)))
