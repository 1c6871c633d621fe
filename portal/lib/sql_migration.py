"""A migration operation for tables that Django cannot describe: partitions, key order, storage settings."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel
from django.db.migrations.state import ProjectState


class CreateModelBySQL(CreateModel):
    """CreateModel for Django's state; the table itself and its indexes are made by `sql`."""

    def __init__(self, *args: Any, sql: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sql = sql

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        schema_editor.execute(self.sql)

    def reduce(self, operation: Any, app_label: str) -> Any:
        return False
