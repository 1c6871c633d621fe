"""Forms of the pages about an organization and its companies. What their columns may hold is decided by the models."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from portal.tenants import taken
from portal.tenants.api import CompanyView
from portal.tenants.models import Company, Organization


class LanguagesField(forms.Field):
    """Cleans to language tags, from text with commas or blanks between them."""

    widget = forms.TextInput
    default_error_messages = {"item_invalid": "Write each language as en, nl or pt-BR, with commas between."}

    def to_python(self, value: Any) -> list[str]:
        return [tag for tag in re.split(r"[,\s]+", str(value or "")) if tag]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]
    languages = LanguagesField(
        label="Languages of texts",
        help_text="In which partners get the texts of faults, the best first: such as nl, en. A partner may have its"
        " own.",
    )

    class Meta:
        model = Organization
        fields = ("languages", "requires_ownership_check", "auto_accept_contracts")
        labels = {
            "requires_ownership_check": "Receivers must agree first",
            "auto_accept_contracts": "Accept new contracts at once",
        }
        help_texts = {
            "requires_ownership_check": "A connector can be switched on only after its receiver has shown that it wants"
            " to be sent to; those that are on stay on until their host changes.",
            "auto_accept_contracts": "In the name of every partner, so agree on it with all of them; contracts that are"
            " pending stay so.",
        }

    def close(self) -> None:
        """Show it to who may not change it."""
        for field in self.fields.values():
            field.disabled = True


class CompanyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes a company, or changes `instance`."""

    languages = LanguagesField(
        label="Languages of texts",
        required=False,
        help_text="In which it gets the texts of faults, the best first: such as nl, en. Empty: the organization's.",
    )

    class Meta:
        model = Company
        fields = ("name", "external_id", "languages", "data_points_enabled", "daily_aggregates_enabled")
        labels = {
            "external_id": "Number",
            "data_points_enabled": "The company has opted in to data points",
            "daily_aggregates_enabled": "The company has opted in to daily aggregates",
        }
        help_texts = {
            "name": "As pages and messages call it.",
            "external_id": "Its id in your own systems, by which the API finds it. May be empty.",
            "data_points_enabled": "Without it, readings of its gateways stay inside. Events and alarms do not need"
            " it.",
            "daily_aggregates_enabled": "Without it, no daily aggregates are made of its gateways.",
        }

    def store(self) -> bool:
        """Of a valid form; False when another company has the name or the number, which the form then says."""
        return taken.store(self, CompanyView.taken, words="Another company has this already.")
