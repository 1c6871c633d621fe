"""A duration in a form of a page: people write `10 min`, the form gives seconds."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.lib import durations


class DurationField(forms.Field):
    """Cleans to seconds, or to None where nothing was written. With `most`, it has to be longer than nothing."""

    widget = forms.TextInput

    def __init__(self, *, most: float | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        self.widget.attrs.setdefault("autocomplete", "off")

    def to_python(self, value: Any) -> float | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return durations.read(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def validate(self, value: float | None) -> None:
        super().validate(value)
        if self.most is not None and value is not None and not 0 < value <= self.most:
            raise ValidationError(f"Longer than 0 s, and at most {durations.written(self.most)}.")

    def prepare_value(self, value: Any) -> Any:
        return durations.written(value) if isinstance(value, (int, float)) else value
