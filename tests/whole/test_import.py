"""Real telemetry from its files to a partner: what passes the change filter arrives once, as it was measured.

The expectation is computed here with the csv module and three lines of arithmetic, not with the product's own filter.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receiver import Receiver
from tests.whole.stack import ROOT, Api, Stack, eventually

pytestmark = pytest.mark.whole

DATA = ROOT.parent / "shared" / "data"

# file, time zone option, {column: (property, threshold)}
FILES = [
    (
        "nrel_RSF_II.csv",
        "-07:00",
        {
            "ac_power_kw_1137": ("pv.ac_power", 0.5),
            "ambient_temp__1053": ("site.ambient_temperature", 0.3),
            "inv2_temp__1050": ("inverter.temperature", 1.0),
            "poa_irradiance__1055": ("site.irradiance", 5.0),
        },
    ),
    ("serf_east_1min_ac_power.csv", None, {"ac_power__752": ("pv.power", 50.0)}),
    ("ac_power_inv_2173_stale_data.csv", None, {"value_normalized": ("pv.normalised", 0.01)}),
    ("ac_power_inv_7539_outliers.csv", None, {"value_normalized": ("pv.normalised", 0.0)}),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("import")) as stack:
        yield stack


def expected(path: Path, column: str, threshold: float) -> list[float]:
    """The values of one column that differ from the last one sent by at least the threshold."""
    with path.open(newline="") as file:
        values = [float(row[column]) for row in csv.DictReader(file) if row[column] != ""]
    sent = values[:1]
    for value in values[1:]:
        step = abs(value - sent[-1])
        if value != sent[-1] and (step > threshold or math.isclose(step, threshold, rel_tol=1e-9)):
            sent.append(value)
    return sent


def arrived(partner: Receiver, name: str) -> list[float]:
    """What the partner got of one property, in the order of its times; each message once."""
    bodies = {received.headers["webhook-id"]: received.json() for received in partner.requests}
    assert len(bodies) == len(partner.requests)
    mine = [body for body in bodies.values() if body["data"]["property"] == name]
    return [body["data"]["value"] for body in sorted(mine, key=lambda body: body["time"])]


@pytest.mark.parametrize(("name", "timezone", "columns"), FILES)
def test_a_file_of_measurements(
    stack: Stack, name: str, timezone: str | None, columns: dict[str, tuple[str, float]]
) -> None:
    path = DATA / name
    assert path.is_file(), f"{path} is missing: the real telemetry lies beside the checkout"
    api: Api = stack.organization(name.removesuffix(".csv").replace("_", "-"))
    company = api.must("POST", "companies/", {"name": "Plant", "data_points_enabled": True})
    gateway = api.must("POST", "gateways/", {"serial_number": "PLANT", "name": "Plant"})
    api.must("POST", f"gateways/{gateway['id']}/pair/", {"company": company["id"], "access_granted": True})
    for property_name, threshold in columns.values():
        api.must("POST", "data-points/", {"name": property_name, "unit": "W", "threshold": threshold})
    organization = api.must("GET", "organization/")["name"]
    options = ["--timezone=" + timezone] if timezone else []
    maps = [word for column, (property_name, _) in columns.items() for word in ("--map", f"{column}={property_name}")]
    command = ["import_readings", str(path), "--organization", organization, "--gateway", "PLANT", *maps, *options]

    with Receiver() as partner:
        api.connector(partner.url)
        stack.command(*command)
        wanted = {prop: expected(path, column, threshold) for column, (prop, threshold) in columns.items()}
        assert all(len(values) > 20 for values in wanted.values())
        total = sum(map(len, wanted.values()))
        eventually(lambda: len(partner.requests) >= total, 60, "the arrival of what passes")
        eventually(lambda: api.waiting() == 0)
        assert {prop: arrived(partner, prop) for prop in wanted} == wanted

        stack.command(*command)
        eventually(lambda: api.waiting() == 0)
        assert len(partner.requests) == total, "the same file again adds nothing"
