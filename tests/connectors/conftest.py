from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.connectors.running_lanes import Running


@pytest.fixture(autouse=True)
def no_session_stays_a_stages() -> Iterator[None]:
    """A stage's session is set for it, with plans and time limits that are wrong for the tests to come."""
    yield
    if getattr(connection, "set_for_a_stage", None) is not None:
        connection.close()
        connection.set_for_a_stage = None


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    made.start()
    yield made
    made.stop()
