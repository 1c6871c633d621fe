"""Tables made by SQL: what Django believes of a table, and what the database has, are the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from portal.lib.sql_migration import CreateModelBySQL

LOADER = MigrationLoader(None, ignore_no_migrations=True)
BY_SQL = [
    apps.get_model(app_label, operation.name)
    for (app_label, _), migration in sorted(LOADER.disk_migrations.items())
    for operation in migration.operations
    if isinstance(operation, CreateModelBySQL)
]


def test_there_are_tables_made_by_sql() -> None:
    assert {"events_event", "connectors_waiting"} <= {model._meta.db_table for model in BY_SQL}


@pytest.mark.django_db
@pytest.mark.parametrize("model", BY_SQL, ids=lambda model: model._meta.label)
def test_columns_types_and_indexes_are_those_of_the_model(model: Any) -> None:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull from pg_attribute a"
            " where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped",
            [table],
        )
        actual = {name: (kind, nullable) for name, kind, nullable in cursor.fetchall()}
        constraints = connection.introspection.get_constraints(cursor, table)
    fields = [field for field in model._meta.concrete_fields if field.column]
    assert actual == {field.column: (field.db_type(connection), field.null) for field in fields}
    key = [field.column for field in model._meta.pk_fields]
    assert [one["columns"] for one in constraints.values() if one["primary_key"]] == [key]
    for index in model._meta.indexes:
        assert constraints[index.name]["columns"] == [name.lstrip("-") for name in index.fields]
