from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from portal.tenants.models import Role
from tests.rest.world import ALL_SCOPES, World, by_key, by_session, make_tenant


@pytest.fixture
def world(db: None) -> World:
    ours, theirs = make_tenant("Ours"), make_tenant("Theirs")
    return World(
        ours=ours,
        theirs=theirs,
        owner=by_session(ours, "ida@example.com", Role.OWNER),
        teammate=by_session(ours, "bob@example.com", Role.VIEWER),
        admin=by_key(ours, ALL_SCOPES),
        manager=by_key(ours, ["manage"]),
        reader=by_key(ours, ["read"]),
        ingester=by_key(ours, ["ingest"]),
        partner=by_key(ours, ALL_SCOPES, ours.company),
        stranger=by_key(theirs, ALL_SCOPES),
        anonymous=APIClient(raise_request_exception=False),
    )
