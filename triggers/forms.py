"""The form of a trigger on its connector's page: which events go there."""

from __future__ import annotations

from typing import Any

from django import forms

from connectors import profiles
from connectors.models import Connector
from portal.events.catalogue import CATALOGUE, EventType
from triggers import choice
from triggers.models import Trigger, TriggerKind

KIND_TITLES = {
    TriggerKind.VALUES: "Values: readings that changed enough to be worth sending",
    TriggerKind.EVENTS: "Events: what happens to devices, systems and vehicles",
    TriggerKind.ALARMS: "Alarms: what somebody should look at",
}


class TriggerForm(forms.Form):
    name = forms.CharField(label="Name", max_length=200)
    kind = forms.ChoiceField(label="Send", choices=list(KIND_TITLES.items()), initial=TriggerKind.EVENTS)
    event_types = forms.MultipleChoiceField(label="Types", required=False)

    def __init__(self, data: Any = None, *, connector: Connector) -> None:
        super().__init__(data, initial={"name": f"{connector.name}: events"}, auto_id="trigger_%s")
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
                    if found.flow == kind and found.subscribable
                ],
            )
            for kind in TriggerKind.values
        ]

    def _refusal(self, found: EventType) -> str:
        return (self.profile.refusal(found.name) if self.profile else None) or ""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        kind = given.get("kind", "")
        # Every group is sent; only the boxes of the chosen kind are shown, and count.
        wanted = [name for name in given.get("event_types", []) if CATALOGUE[name].flow == kind]
        given["event_types"] = wanted
        if not wanted:
            self.add_error("event_types", "Choose at least one type.")
        for reason in choice.refusals(wanted, self.connector.profile, kind).values():
            self.add_error("event_types", reason)
        if Trigger.objects.filter(name=given.get("name")).exists():
            self.add_error("name", "Another trigger has this name.")
        return given
