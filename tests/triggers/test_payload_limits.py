"""P1 of the fault plan: bodies that nobody sends in good faith, over real HTTP to the real web process.

Each is refused within a second, and nothing of it is stored.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from connectors.models import Connector
from portal.events.models import Event, Reading
from tests.conftest import Tenant
from tests.world import make_data_point, make_gateway

ROOT = Path(__file__).parents[2]
KIB = 1024
TIME = "2026-11-21T10:00:00Z"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[int]:
    """The port of a web process on the tests' database."""
    database, port = connection.settings_dict, free_port()
    servers = {
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        "ALLOW_DATA_LOSS": "1",
    }
    words = ("gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4")
    process = subprocess.Popen(
        [sys.executable, "-m", *words, "--no-control-socket"], cwd=ROOT, env=os.environ | servers
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        call(port, "GET", "/healthz", b"", "")  # the first answer waits for the process to load
        yield port
    finally:
        process.terminate()
        process.wait(30)


def call(port: int, method: str, path: str, body: bytes, key: str, **headers: str) -> tuple[int, Any, float]:
    """Status, parsed body, seconds."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    began = time.monotonic()
    try:
        client.request(method, path, body, sent)
        answer = client.getresponse()
        return answer.status, json.loads(answer.read()), time.monotonic() - began
    finally:
        client.close()


def refused(port: int, path: str, body: bytes, key: str, **headers: str) -> tuple[int, Any, bool]:
    """Status, parsed body, and whether that takes less than a second: of three tries, on a machine that is busy."""
    for _ in range(3):
        status, answer, seconds = call(port, "POST", path, body, key, **headers)
        if seconds < 1:
            break
    return status, answer, seconds < 1


def nested(depth: int, inside: bytes = b"1") -> bytes:
    return b"[" * depth + inside + b"]" * depth


def many_keys(count: int) -> bytes:
    return b"{" + b",".join(b'"k%d":1' % n for n in range(count)) + b"}"


def event(data: bytes, more: bytes = b"") -> bytes:
    return b'{"events":[{"type":"ev/control","gateway":"GW-1","appliance":"GW-1-INV","data":%s%s}]}' % (data, more)


def reading(value: bytes, more: bytes = b"") -> bytes:
    item = b'{"gateway":"GW-1","appliance":"GW-1-INV","property":"pv.power","time":"%s","value":%s%s}'
    return b'{"readings":[%s]}' % (item % (TIME.encode(), value, more))


EVENTS, READINGS, CONNECTORS = "/api/v1/events/", "/api/v1/readings/", "/api/v1/connectors/"
LONG = b'"' + b"x" * (256 * KIB + 1) + b'"'
CONNECTOR = b'{"name":"Limits","url":"https://partner.example/hook","profile":"standard"%s}'
GZIP = {"Content-Encoding": "gzip"}

# What it is, where it goes, the body, the status, and the pointer to what is wrong where a single item is refused.
INTAKE: list[tuple[str, str, bytes, int, str | None]] = [
    ("an event of 256 KiB and a byte", EVENTS, event(b'{"payload":{"text":%s}}' % LONG), 422, "/data"),
    ("an event of 100,000 keys", EVENTS, event(b'{"payload":%s}' % many_keys(100_000)), 422, "/data"),
    ("an event of 100,000 data", EVENTS, event(many_keys(100_000)), 422, "/data"),
    ("an item of 100,000 fields", EVENTS, b'{"events":[%s]}' % many_keys(100_000), 422, "/k0"),
    ("a text value of 256 KiB and a byte", READINGS, reading(LONG), 422, "/value"),
    ("a serial number of 256 KiB and a byte", READINGS, reading(b"1").replace(b'"GW-1"', LONG, 1), 422, "/gateway"),
    ("data that is 250 levels deep", EVENTS, event(b'{"payload":{"n":%s}}' % nested(245)), 422, "/data"),
    ("data that is 1,000 levels deep", EVENTS, event(b'{"payload":{"n":%s}}' % nested(990)), 400, None),
    ("1,000 levels", READINGS, nested(1_000), 400, None),
    ("100,000 levels", READINGS, nested(100_000), 400, None),
    ("1,000 levels of a value", READINGS, reading(nested(990)), 400, None),
    ("100,000 keys beside the items", READINGS, b'{"readings":[],' + many_keys(100_000)[1:], 400, "/k0"),
    ("a body of 4 MiB and a byte", READINGS, b" " * (4 * KIB * KIB + 1), 413, None),
    ("NaN", READINGS, reading(b"NaN"), 400, None),
    ("-Infinity", EVENTS, event(b'{"payload":{"n":-Infinity}}'), 400, None),
    ("a lone surrogate", READINGS, reading(b'"\\ud800"'), 400, None),
    ("a lone surrogate as UTF-8", READINGS, reading(b'"\xed\xa0\x80"'), 400, None),
    ("a name twice", READINGS, reading(b"1", b',"value":2'), 400, None),
    ("a name twice, in other words", READINGS, reading(b"1", b',"valu\\u0065" : 2'), 400, None),
    ("a name twice, deep inside", EVENTS, event(b'{"payload":{"a":[{"b":1,"b":"x"}]}}'), 400, None),
    ("a list twice", READINGS, b'{"readings":[],"readings":[]}', 400, None),
]
REST: list[tuple[str, bytes, int]] = [
    ("256 KiB and a byte", CONNECTOR % (b',"routes":{"a":%s}' % LONG), 413),
    ("100,000 keys", many_keys(100_000), 413),
    ("8 MiB", b" " * (8 * KIB * KIB), 413),
    ("20,000 keys", many_keys(20_000), 400),
    ("20,000 keys in a field", CONNECTOR % (b',"routes":%s' % many_keys(20_000)), 400),
    ("1,000 levels", nested(1_000), 400),
    ("1,000 levels in a field", CONNECTOR % (b',"routes":{"a":%s}' % nested(990)), 400),
    ("200 levels in a field", CONNECTOR % (b',"routes":{"a":%s}' % nested(200)), 400),
    ("100,000 levels", nested(100_000), 400),
    ("NaN", CONNECTOR % b',"concurrency":NaN', 400),
    ("a lone surrogate", CONNECTOR.replace(b"Limits", b"\\udc00") % b"", 400),
    ("a name twice", CONNECTOR % b',"url":"https://other.example/"', 400),
]


@pytest.mark.django_db(transaction=True)
def test_the_intake_refuses_each_within_a_second(web: int, in_tenant: Tenant) -> None:
    make_gateway(company=in_tenant.company)
    make_data_point()
    key, found, wanted = in_tenant.keys["ingest"], {}, {}
    for name, path, body, status, pointer in INTAKE:
        answered, answer, quickly = refused(web, path, body, key)
        errors = answer["rejected"][0]["errors"] if answered == 422 else answer.get("errors", [{"pointer": None}])
        found[name] = (answered, errors[0]["pointer"], quickly, len(json.dumps(answer)) < 10_000)
        wanted[name] = (status, pointer, True, True)
    packed = gzip.compress(reading(b"1"))
    found["gzip"] = call(web, "POST", READINGS, packed, key, **GZIP)[:1]
    wanted["gzip"] = (415,)
    assert found == wanted
    assert Event.objects.count() == Reading._base_manager.count() == 0
    assert call(web, "POST", READINGS, reading(b"1"), key)[:1] == (202,), "and what is in order is taken"


@pytest.mark.django_db(transaction=True)
def test_the_rest_of_the_api_refuses_each_within_a_second(web: int, in_tenant: Tenant) -> None:
    key, found, wanted = in_tenant.keys["manage"], {}, {}
    for name, body, status in REST:
        for repeatable in ({}, {"Idempotency-Key": name}):
            answered, _, quickly = refused(web, CONNECTORS, body, key, **repeatable)
            found[name, bool(repeatable)] = (answered, quickly)
            wanted[name, bool(repeatable)] = (status, True)
    found["gzip", False] = call(web, "POST", CONNECTORS, gzip.compress(CONNECTOR % b""), key, **GZIP)[:1]
    wanted["gzip", False] = (415,)
    assert found == wanted
    assert Connector.objects.count() == 0
    assert call(web, "POST", CONNECTORS, CONNECTOR % b"", key)[:1] == (201,), "and what is in order is taken"
