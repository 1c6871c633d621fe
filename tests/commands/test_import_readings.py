"""Measurements from CSV files through the intake: what is measured arrives once, what is wrong is named by its line."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from portal.events.models import Event, Quality, Reading
from portal.fleet.models import Appliance, DataPoint, DataPointKind, Gateway, Series
from portal.tenants import scope
from tests.world import make_connector, make_data_point, make_gateway, make_trigger

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def data_file(name: str) -> Path:
    path = DATA / name
    assert path.is_file(), f"the real measurements are expected in {DATA}"
    return path


@pytest.fixture
def sending(in_tenant: Any) -> Any:
    """The tenant with a paired gateway whose values are wanted by a trigger."""
    make_gateway("GW-1", company=in_tenant.company)
    make_trigger(make_connector("http://127.0.0.1:9/"), "datapoint/value")
    return in_tenant


@pytest.fixture
def csv_file(tmp_path: Path) -> Any:
    def write(*lines: str) -> Path:
        path = tmp_path / "measured.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def run(path: Path, *options: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("import_readings", str(path), "--organization", "Nordlys", *options, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(ended.code or 0)
    return out.getvalue(), 0


def stored(name: str) -> list[tuple[datetime, Any]]:
    point = DataPoint.objects.get(name=name)
    (series,) = Series.objects.filter(data_point_id=point.id)
    rows = Reading.objects.filter(series_id=series.id).order_by("time")
    return [(row.time, row.number if row.text is None else orjson.loads(row.text)) for row in rows]


def sent(name: str) -> list[tuple[str, Any]]:
    documents = [orjson.loads(event.body) for event in Event.objects.filter(type="datapoint/value").order_by("id")]
    values = [(document["time"], document["data"]) for document in documents]
    return [(time, data["value"]) for time, data in values if data["property"] == name]


def test_a_plants_file_arrives_as_measured_and_only_once(sending: Any) -> None:
    path = data_file("nrel_RSF_II.csv")
    options = (
        *("--gateway", "GW-1", "--appliance", "GW-1-INV", "--timezone", "-07:00", "--create", "--batch", "300"),
        *("--map", "ac_power_kw_1137=pv.power:kW", "--map", "ambient_temp__1053=outdoor:°C"),
    )
    said, code = run(path, *options)
    assert (said.splitlines()[-1], code) == ("960 accepted, 0 duplicates, 0 refused.", 0)
    assert "not sent" not in said
    with path.open() as file:
        rows = list(csv.DictReader(file))
    power = stored("pv.power")
    assert power[0][0] == datetime(2022, 1, 2, 7, tzinfo=UTC)
    assert [value for _, value in power] == [float(row["ac_power_kw_1137"]) for row in rows]
    assert [value for _, value in stored("outdoor")] == [float(row["ambient_temp__1053"]) for row in rows]
    events = Event.objects.count()
    said, code = run(path, *options)
    assert (said.splitlines()[-1], code) == ("0 accepted, 960 duplicates, 0 refused.", 0)
    assert Event.objects.count() == events
    assert DataPoint.objects.get(name="pv.power").unit == "kW"


def test_what_passes_the_change_filter_is_sent_with_the_measured_value_and_the_rest_is_not(sending: Any) -> None:
    """At night this meter reads a few watts below zero: changes that a threshold of 50 W holds back."""
    path = data_file("serf_east_1min_ac_power.csv")
    make_data_point("pv.power", threshold=50)
    said, code = run(path, "--gateway", "GW-1", "--map", "ac_power__752=pv.power:W")
    assert code == 0, said
    values = stored("pv.power")
    expected, last = [], None
    for time, value in values:
        if last is None or abs(value - last) >= 50:
            expected.append((time.strftime("%Y-%m-%dT%H:%M:%S.000Z"), value))
            last = value
    assert sent("pv.power") == expected
    assert 2 < len(expected) < len(values) / 2
    night = [value for _, value in values if value < 0]
    assert len(night) > 100
    assert len([value for _, value in expected if value < 0]) <= 3


@pytest.mark.parametrize(
    ("name", "mask"),
    [("ac_power_inv_2173_stale_data.csv", "stale_data_mask"), ("ac_power_inv_7539_outliers.csv", "outlier")],
)
def test_a_mask_marks_readings_as_bad_and_can_be_a_state_of_its_own(sending: Any, name: str, mask: str) -> None:
    path = data_file(name)
    with path.open() as file:
        masked = [row[mask].lower() == "true" for row in csv.DictReader(file)]
    said, code = run(
        path,
        *("--gateway", "GW-1", "--create", "--bad-if", mask),
        *("--map", "value_normalized=pv.normalized", "--map", f"{mask}=pv.masked"),
    )
    assert code == 0, said
    assert [value for _, value in stored("pv.masked")] == masked
    assert DataPoint.objects.get(name="pv.masked").kind == DataPointKind.STATE
    assert Reading.objects.filter(quality=Quality.BAD).count() == 2 * masked.count(True) > 0


def test_what_is_wrong_is_named_by_line_and_the_rest_goes_on(sending: Any, csv_file: Any) -> None:
    path = csv_file(
        "time,power",
        "2022-01-02T10:00:00Z,1",
        "2022-01-02T10:01:00Z,abc",
        "yesterday,3",
        "2022-01-02T10:03:00Z,",
        "",
        "2022-01-02T10:04:00Z,5,6",
        "2022-01-02T10:05:00Z,nan",
        "2999-01-02T10:05:00Z,7",
        "2022-01-02T10:06:00Z,8",
    )
    make_data_point("pv.power")
    said, code = run(path, "--gateway", "GW-1", "--map", "power=pv.power")
    assert code == 1
    assert [value for _, value in stored("pv.power")] == [1, 8]
    assert said.splitlines()[1:] == [
        "2 accepted, 0 duplicates, 5 refused.",
        "  line 3, column 'power': 'abc' is not a number, and a gauge needs one.",
        "  line 4: 'yesterday' is not a time in the expected format.",
        "  line 7: 3 cells, but the file has 2 columns.",
        "  line 8, column 'power': The number is not finite.",
        "  line 9, column 'power': The time is in the future by more than 5 minutes.",
    ]


def test_local_times_that_the_clocks_make_unclear_are_refused(sending: Any, csv_file: Any) -> None:
    path = csv_file("t,p", "3/13/2022 1:30,1", "3/13/2022 2:30,2", "3/13/2022 3:30,3", "11/6/2022 1:30,4")
    make_data_point("pv.power")
    said, code = run(path, "--gateway", "GW-1", "--map", "p=pv.power", "--timezone", "America/Denver")
    assert code == 1
    assert stored("pv.power") == [
        (datetime(2022, 3, 13, 8, 30, tzinfo=UTC), 1),
        (datetime(2022, 3, 13, 9, 30, tzinfo=UTC), 3),
    ]
    assert "line 3: the time '3/13/2022 2:30' does not exist in America/Denver" in said
    assert "line 5: the time '11/6/2022 1:30' happens twice in America/Denver" in said


def test_other_orders_of_day_and_month_are_told_by_a_format(sending: Any, csv_file: Any) -> None:
    make_data_point("pv.power")
    options = ("--gateway", "GW-1", "--map", "p=pv.power", "--timezone", "UTC", "--time-format", "%d.%m.%Y %H:%M")
    _, code = run(csv_file("t,p", "2.1.2022 10:00,1"), *options)
    assert code == 0
    assert stored("pv.power") == [(datetime(2022, 1, 2, 10, tzinfo=UTC), 1)]


@pytest.mark.parametrize(
    ("days", "expired"),
    [(30, "3 of 8"), (40, None), (1, "5 of 8")],
)
def test_what_is_too_old_to_be_kept_is_counted_before_it_is_imported(
    sending: Any, csv_file: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, days: int, expired: str | None
) -> None:
    """Whole days are kept: 30 days before 20 March at noon go back to the first moment of 18 February."""
    now = datetime(2026, 3, 20, 12, tzinfo=UTC)
    monkeypatch.setattr("portal.lib.clock.now", lambda: now)
    settings.RETENTION_READINGS_DAYS = days
    make_data_point("pv.power")
    make_data_point("pv.energy", unit="kWh")
    path = csv_file(
        "time,power,energy",
        "2026-02-17T10:00:00Z,1,1",
        "2026-02-17T23:59:59Z,2,",
        "2026-02-18T00:00:00Z,3,",
        "2026-03-18T00:00:00Z,4,",
        "yesterday,5,5",
        "2026-03-20T10:00:00Z,6,",
    )
    said, _ = run(path, "--gateway", "GW-1", "--map", "power=pv.power", "--map", "energy=pv.energy")
    assert "6 accepted, 0 duplicates, 1 refused." in said
    if expired is None:
        assert "Note:" not in said
    else:
        assert said.startswith(f"Note: {expired} readings are older than RETENTION_READINGS_DAYS, which is {days}:")


def test_values_that_do_not_leave_are_announced(in_tenant: Any, csv_file: Any) -> None:
    said, code = run(
        csv_file("t,p", "2022-01-02T10:00Z,1"), "--gateway", "NEW", "--appliance", "INV", "--map", "p=x:W", "--create"
    )
    assert code == 0
    assert "Note: the values of NEW are stored but not sent: not paired with a company." in said
    assert Gateway.objects.get(serial_number="NEW").appliances.get().serial_number == "INV"
    assert set(Event.objects.values_list("type", flat=True)) == {"gateway/create", "appliance/create", "quantity/add"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--gateway", "NONE", "--map", "p=pv.power"), "Nordlys has no gateway 'NONE'; --create makes it"),
        (("--gateway", "GW-1", "--appliance", "X", "--map", "p=pv.power"), "has no appliance 'X'; --create"),
        (("--gateway", "GW-1", "--map", "p=unknown"), "no data point named unknown; --create"),
        (("--gateway", "GW-1", "--map", "p=pv.power:kW"), "pv.power is in W, not in kW"),
        (("--gateway", "GW-1", "--map", "q=pv.power"), "no column 'q'. It has: 't', 'p'"),
        (("--gateway", "GW-1", "--map", "p=pv.power", "--time-column", "when"), "no column 'when'"),
        (("--gateway", "GW-1", "--map", "p"), "'p' is no mapping"),
        (("--gateway", "GW-1", "--map", "p=pv.power", "--map", "t=pv.power"), "Two columns are mapped to 'pv.power'"),
        (("--gateway", "GW-1", "--map", "p=pv.power", "--timezone", "Mars/North"), "no time zone 'Mars/North'"),
        (("--gateway", "GW-1", "--map", "p=pv.power", "--timezone", "-27:00"), "no time zone '-27:00'"),
        (("--gateway", "GW-1", "--map", "p=pv.power"), "line 2: the time '1/2/2022 0:00' has no offset"),
    ],
)
def test_what_cannot_be_imported_at_all_is_said_in_a_sentence_and_leaves_nothing(
    sending: Any, csv_file: Any, options: tuple[str, ...], sentence: str
) -> None:
    make_data_point("pv.power")
    before = Gateway.objects.count(), Appliance.objects.count(), DataPoint.objects.count()
    path = csv_file("t,p", "1/2/2022 0:00,1") if "no offset" in sentence else csv_file("t,p", "2022-01-02T10:00Z,1")
    with pytest.raises(CommandError) as raised:
        run(path, *options)
    assert sentence in str(raised.value)
    assert (Gateway.objects.count(), Appliance.objects.count(), DataPoint.objects.count()) == before
    assert not Reading.objects.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b"t,p\n2022-01-02T10:00Z,\xff\n", "not UTF-8 text"), (None, "cannot be read")],
)
def test_a_file_that_is_none(sending: Any, tmp_path: Path, content: bytes | None, sentence: str) -> None:
    make_data_point("pv.power")
    path = tmp_path / "file.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=sentence):
        run(path, "--gateway", "GW-1", "--map", "p=pv.power")


def test_another_organizations_gateway_is_unknown(tenant: Any, stranger: Any, csv_file: Any) -> None:
    with scope.organization(stranger.organization.id):
        make_gateway("THEIRS", company=stranger.company)
    with pytest.raises(CommandError, match="Nordlys has no gateway 'THEIRS'"):
        run(csv_file("t,p", "2022-01-02T10:00Z,1"), "--gateway", "THEIRS", "--map", "p=x")
    with pytest.raises(CommandError, match=r"no organization 'Nobody'. There are: Fremd, Nordlys"):
        call_command(
            "import_readings", str(csv_file("t,p")), "--organization", "Nobody", "--gateway", "G", "--map", "p=x"
        )
