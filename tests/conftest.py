"""Real servers for every test: PostgreSQL and Redis of the product's own runtime, in a directory of this run.

They start when this module is imported, before Django reads its settings. Give DATABASE_URL and REDIS_URL to use
others. Fixtures here are the world the tests share: an owner, a teammate and a stranger.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from portal.runtime.postgres import EmbeddedPostgres
from portal.runtime.redis import EmbeddedRedis

# A test cluster may lose power: nothing of it is kept. The tests of the guarantees start clusters of their own.
QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


def _start_servers() -> None:
    directory = Path(tempfile.mkdtemp(prefix="feeder-tests-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    postgres, redis = EmbeddedPostgres(directory, settings=QUICK), EmbeddedRedis(directory)
    postgres.start()
    atexit.register(postgres.stop)
    redis.start()
    atexit.register(redis.stop)
    superuser = postgres.url.replace("//feeder:", "//postgres:")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("alter role feeder createdb")
    os.environ.update(DATABASE_URL=postgres.url, REDIS_URL=redis.url, DATA_DIR=str(directory / "data"))


# Processes that share the tests out each have servers of their own: what one does to Redis is not the others' business.
if "DATABASE_URL" not in os.environ or "SERVERS_OF_A_TEST_RUN" in os.environ:
    _start_servers()
    os.environ["SERVERS_OF_A_TEST_RUN"] = "1"
os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
os.environ.update(
    DJANGO_SETTINGS_MODULE="portal.settings",
    PLAIN_STATIC="1",
    EGRESS_ALLOW="127.0.0.1/32",
    EGRESS_ALLOW_HTTP="1",
    API_RATE="100000/min",
)
django.setup()
Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # or WhiteNoise warns
# Slow on purpose in the product; here it would be most of the run.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's browser: Playwright's own is never downloaded. The flags keep it from calling home."""
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """A server of this run goes with its databases: nothing to drop, and nobody to wait for who is still connected."""
    return "SERVERS_OF_A_TEST_RUN" in os.environ


@dataclass(frozen=True)
class Tenant:
    """One organization with a company, a person per role, and a key of each scope."""

    organization: Any
    company: Any
    people: dict[str, Any]
    keys: dict[str, str]


def make_tenant(name: str) -> Tenant:
    from portal.tenants import scope
    from portal.tenants.models import ApiKey, Company, KeyScope, Membership, Organization, Role, User

    organization = Organization.objects.create(name=name)
    with scope.organization(organization.id):
        company = Company.objects.create(name=f"{name} partner", data_points_enabled=True)
        people = {}
        for role in Role.values:
            people[role] = User.objects.create_user(f"{role}@{name.lower()}.example", "correct horse battery")
            Membership.objects.create(user=people[role], role=role)
        keys = {}
        for kind, scopes in {**{s: [s] for s in KeyScope.values}, "all": list(KeyScope.values)}.items():
            key = ApiKey(name=kind, scopes=scopes, expires_at=datetime.now(UTC) + timedelta(days=30))
            keys[kind] = key.set_secret()
            key.save()
    return Tenant(organization=organization, company=company, people=people, keys=keys)


@pytest.fixture
def tenant(db: None) -> Tenant:
    """The organization under test."""
    return make_tenant("Nordlys")


@pytest.fixture
def stranger(db: None) -> Tenant:
    """Another organization, with everything of its own."""
    return make_tenant("Fremd")


@pytest.fixture
def in_tenant(tenant: Tenant) -> Iterator[Tenant]:
    """The tenant, with its scope entered for the whole test."""
    from portal.tenants import scope

    with scope.organization(tenant.organization.id):
        yield tenant


LONGEST = ("whole", "runtime", "browser", "simulation", "connectors")
"""Folders whose files take the most time. They come first, so that all processes end at about the same moment."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folders = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: folders.get(item.path.relative_to(Path(__file__).parent).parts[0], len(folders)))
