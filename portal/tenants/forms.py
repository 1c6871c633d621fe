"""Forms of the pages about an organization."""

from __future__ import annotations

from django import forms

from portal.tenants.models import Company


class CompanyForm(forms.Form):
    name = forms.CharField(label="Name", max_length=200)
    data_points_enabled = forms.BooleanField(
        label="The company has opted in to data points",
        required=False,
        help_text="Without it, readings of its gateways stay inside. Events and alarms do not need it.",
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Company.objects.filter(name=name).exists():
            raise forms.ValidationError("Another company has this name.")
        return name
