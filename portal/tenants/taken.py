"""Values that may be used once. The database judges, also when two people save at the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import IntegrityError, transaction

TAKEN = "This is taken already."


def broken_constraint(error: IntegrityError) -> str:
    """Its name, or nothing where the database does not say."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def store(form: forms.ModelForm[Any], taken: Mapping[str, str], *computed: str, words: str = TAKEN) -> bool:
    """Save what a valid form holds, and the `computed` columns; False when a value is taken: its field then says so.

    `taken` names the field by the constraint. Columns that the form does not have may be another person's by now.
    """
    row = form.instance
    is_new = row._state.adding  # noqa: SLF001 - Django has no other name for it
    columns = None if is_new else [*form._meta.fields, *computed]  # type: ignore[misc]
    try:
        with transaction.atomic():
            row.save(update_fields=columns)
    except IntegrityError as error:
        if (name := broken_constraint(error)) not in taken:
            raise
        form.add_error(taken[name], words)
        return False
    return True
