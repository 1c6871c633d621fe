"""The form of a trigger on its connector's page: which events go there."""

from __future__ import annotations

from typing import Any

from django import forms

from connectors import profiles
from connectors.models import Connector
from portal.events.catalogue import CATALOGUE, EventType
from triggers import choice
from triggers.models import BY_THE_CLOCK, DEFAULT_INTERVAL, Level, Trigger, TriggerKind

KIND_TITLES = {
    TriggerKind.VALUES: "Values: readings that changed enough to be worth sending",
    TriggerKind.EVENTS: "Events: what happens to devices, systems and vehicles",
    TriggerKind.ALARMS: "Alarms: what somebody should look at",
    TriggerKind.SNAPSHOT: "Snapshots: how each site fares, by the clock",
    TriggerKind.HEARTBEAT: "Heartbeats: how much waits for this connector, by the clock",
}


class TriggerForm(forms.Form):
    name = forms.CharField(label="Name", max_length=200)
    kind = forms.ChoiceField(label="Send", choices=list(KIND_TITLES.items()), initial=TriggerKind.EVENTS)
    event_types = forms.MultipleChoiceField(label="Types", required=False)
    interval_seconds = forms.IntegerField(
        label="Every", required=False, min_value=1, help_text="Seconds, from one to the next of the same site."
    )
    level = forms.ChoiceField(label="Level", required=False, choices=Level.choices)

    def __init__(self, data: Any = None, *, connector: Connector) -> None:
        initial = {"name": f"{connector.name}: events", "interval_seconds": DEFAULT_INTERVAL}
        super().__init__(data, initial=initial, auto_id="trigger_%s")
        self.connector = connector
        self.profile = profiles.resolve(connector.profile)
        types: Any = self.fields["event_types"]
        types.choices = [(name, name) for name in CATALOGUE]

    def groups(self) -> list[tuple[str, list[tuple[EventType, str, bool]]]]:
        """By kind: each type, why the connector's format cannot carry it (or nothing), and whether it is chosen."""
        chosen = set(self["event_types"].value() or ())
        return [
            (
                str(kind),
                [
                    (found, self._refusal(found), not chosen or found.name in chosen)
                    for found in CATALOGUE.values()
                    if found.flow == kind and found.subscribable and found.name != choice.HEARTBEAT
                ],
            )
            for kind in TriggerKind
            if kind not in BY_THE_CLOCK
        ]

    def _refusal(self, found: EventType) -> str:
        return (self.profile.refusal(found.name) if self.profile else None) or ""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        kind = given.get("kind", "")
        # Every group is sent; only the boxes of the chosen kind are shown, and count.
        if kind in BY_THE_CLOCK:
            wanted = choice.defaults(kind, self.connector.profile)
        else:
            wanted = [name for name in given.get("event_types", []) if CATALOGUE[name].flow == kind]
        given["event_types"] = wanted
        self._add_timing(given, kind)
        if not wanted:
            self.add_error("event_types", "Choose at least one type.")
        for reason in choice.refusals(wanted, self.connector.profile, kind).values():
            self.add_error("event_types", reason)
        if Trigger.objects.filter(name=given.get("name")).exists():
            self.add_error("name", "Another trigger has this name.")
        return given

    def _add_timing(self, given: dict[str, Any], kind: str) -> None:
        """The fields of other kinds are sent too, and do not count."""
        shown = {"level": given.get("level")} if kind == TriggerKind.SNAPSHOT else {}
        if kind in BY_THE_CLOCK:
            shown["interval_seconds"] = given.get("interval_seconds")
        timing, reasons = choice.timing(kind, shown)
        given.update(timing)
        for name, reason in reasons.items():
            self.add_error(name, reason)
