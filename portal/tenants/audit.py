"""The audit trail: every change of configuration as a row of its own, written by the database.

Triggers (django-pghistory) catch bulk updates and raw SQL too, which signals miss. Who did it comes from the context
that `portal.tenants.access` and the commands open. Columns that hold secrets are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import pghistory
import pgtrigger
from django.db import models

M = TypeVar("M", bound=models.Model)


def audited(*, exclude: tuple[str, ...] = ()) -> Callable[[type[M]], type[M]]:
    """Class decorator: keep each version of a row, with when and who; `exclude` names secrets and bookkeeping."""

    def decorate(model: type[M]) -> type[M]:
        track: Callable[[type[M]], type[M]] = pghistory.track(
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            exclude=list(exclude),
            model_name=f"{model.__name__}Change",
        )
        return track(model)

    return decorate


def acting(who: str, **more: str) -> AbstractContextManager[object]:
    """Name who makes the changes inside this block, such as `user:ida@example.com` or `key:fk_1a2b3c4d`.

    A block inside another one names the changes of both: a request is one person's, or one key's.
    """
    context: AbstractContextManager[object] = pghistory.context(who=who, **more)
    return context


def bumps_config(organization_column: str = "organization_id") -> pgtrigger.Trigger:
    """A database trigger that raises the organization's configuration version with each change of a row.

    Intake and workers compare the version before they rely on what they hold in memory, so a change takes effect
    at once, whoever makes it and by whatever statement.
    """
    return pgtrigger.Trigger(
        name="bump_config",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            INSERT INTO tenants_configversion AS v (organization_id, version)
            VALUES (COALESCE(NEW.{organization_column}, OLD.{organization_column}), 1)
            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;
            RETURN NULL;
        """,  # noqa: S608 - the column's name is this project's own
    )
