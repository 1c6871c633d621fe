"""Measurements from a CSV file, one column per data point, through the intake like everything else.

History is welcome here; the change filter judges it as if it came in now. The file is read in its order, and a value
older than the last of its series is stored but not sent. What was imported before is recognized by series and time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Self, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.fleet.models import DataPointKind
from triggers.intake import accept_readings
from triggers.items import ReadingItem, Result

Value: TypeAlias = float | int | bool | str

REASONS_KEPT = 10
LONGEST_WHOLE = 15
"""Digits that a float8 column keeps exactly."""
FORMATS = ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")
"""Beside ISO 8601. Month before day: other orders need a time format of their own."""

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_BOOLEANS = {"true": True, "false": False}


class FileError(Exception):
    """The file as a whole cannot be imported as asked; the text is the sentence that the operator reads."""


class CellError(Exception):
    """One row or cell cannot be; the rest goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the file, and the data point that it measures. `unit` is None where none was given."""

    name: str
    property: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What of which file goes where. Rows whose `bad_if` column is true are of bad quality."""

    path: Path
    gateway: str
    appliance: str | None
    columns: tuple[Column, ...]
    time_column: str | None = None
    time_format: str | None = None
    zone: tzinfo | None = None
    bad_if: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a first look at the file told: its rows, and the kind of data point that each column could be.

    `readings` are its filled cells, of which `expired` are too old to be kept.
    """

    rows: int
    readings: int
    expired: int
    kinds: dict[str, DataPointKind]


@dataclass(slots=True, kw_only=True)
class Report:
    """How the import went; `reasons` are the first REASONS_KEPT."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, reason: str) -> None:
        self.rejected += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append(reason)


def parse_column(text: str) -> Column:
    """`COLUMN=property` or `COLUMN=property:unit`. Raises FileError."""
    name, equals, target = text.rpartition("=")
    property_, colon, unit = target.partition(":")
    if not equals or not property_:
        raise FileError(f"{text!r} is no mapping: write COLUMN=property or COLUMN=property:unit.")
    return Column(name=name, property=property_, unit=unit if colon else None)


def parse_zone(text: str) -> tzinfo:
    """A name such as America/Denver, or an offset such as -07:00. Raises FileError."""
    if offset := _OFFSET.fullmatch(text):
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        if distance < timedelta(hours=24):
            return timezone(-distance if sign == "-" else distance)
    with suppress(OSError, ValueError, ZoneInfoNotFoundError):
        return ZoneInfo(text)
    raise FileError(
        f"There is no time zone {text!r}: write a name such as America/Denver, or an offset such as -07:00."
    )


def look_into(plan: Plan, kept_from: datetime) -> Contents:
    """Count what it holds and check that it has what the plan names; readings of before `kept_from` are not kept.

    Raises FileError.
    """
    kinds: dict[str, DataPointKind] = {}
    rows = readings = expired = 0
    with _Table(plan) as table:
        for line, cells in table:
            rows += 1
            if rows == 1:
                _check_zone(plan, line, table.time(cells))
            filled = [(column.name, text) for column in plan.columns if (text := table.cell(cells, column.name))]
            readings += len(filled)
            expired += len(filled) if _is_before(plan, table.time(cells), kept_from) else 0
            for name, text in filled:
                kinds.setdefault(name, DataPointKind.GAUGE if _number(text) is not None else DataPointKind.STATE)
    return Contents(rows=rows, readings=readings, expired=expired, kinds=kinds)


def _is_before(plan: Plan, text: str, moment: datetime) -> bool:
    try:
        return parse_time(text, plan.zone, plan.time_format) < moment
    except CellError:  # the import refuses it by its line
        return False


def _check_zone(plan: Plan, line: int, text: str) -> None:
    try:
        found = _read_time(text, plan.time_format)
    except CellError:
        return
    if found.tzinfo is None and plan.zone is None:
        raise FileError(f"line {line}: the time {text!r} has no offset; say with --timezone what it is in.")


def import_file(
    organization_id: UUID,
    plan: Plan,
    kinds: dict[str, DataPointKind],
    now: datetime,
    *,
    batch: int,
    moved_on: Callable[[int], object],
) -> Report:
    """Import the file in batches of at least `batch` readings, each committed by itself.

    `kinds` tells the kind of each property; `moved_on` is told after each batch how many rows are done.
    """
    report = Report()
    pending: list[tuple[str, ReadingItem]] = []
    rows = 0
    with _Table(plan) as table:
        for line, cells in table:
            rows += 1
            pending += _readings(plan, table, line, cells, kinds, report)
            if len(pending) >= batch:
                _take(organization_id, pending, now, report)
                moved_on(rows)
                pending, rows = [], 0
    if pending:
        _take(organization_id, pending, now, report)
    moved_on(rows)
    return report


def _take(organization_id: UUID, pending: Sequence[tuple[str, ReadingItem]], now: datetime, report: Report) -> None:
    result: Result = accept_readings(organization_id, [item for _, item in pending], now, oldest=None)
    report.accepted += result.accepted
    report.duplicates += result.duplicates
    for refusal in result.rejected:
        place = pending[refusal["index"]][0]
        report.refuse(f"{place}: {' '.join(error['detail'] for error in refusal['errors'])}")


def _readings(
    plan: Plan, table: _Table, line: int, cells: list[str], kinds: dict[str, DataPointKind], report: Report
) -> Iterator[tuple[str, ReadingItem]]:
    """The readings of one row, each with its place in the file. Empty cells measured nothing."""
    try:
        table.check_width(cells)
        time = parse_time(table.time(cells), plan.zone, plan.time_format)
        bad = plan.bad_if is not None and _boolean(table.cell(cells, plan.bad_if), plan.bad_if)
    except CellError as error:
        report.refuse(f"line {line}: {error}")
        return
    for column in plan.columns:
        text = table.cell(cells, column.name)
        if not text:
            continue
        place = f"line {line}, column {column.name!r}"
        try:
            value = parse_value(text, kinds[column.property])
        except CellError as error:
            report.refuse(f"{place}: {error}")
            continue
        yield (
            place,
            ReadingItem(
                gateway=plan.gateway,
                appliance=plan.appliance,
                property=column.property,
                value=value,
                time=time,
                quality="bad" if bad else "good",
            ),
        )


def parse_time(text: str, zone: tzinfo | None, time_format: str | None) -> datetime:
    """A time in UTC. Raises CellError, also for local times that a change of the clocks makes double or skips."""
    found = _read_time(text, time_format)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if zone is None:
        raise CellError(f"the time {text!r} has no offset.")
    first, second = found.replace(tzinfo=zone, fold=0), found.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != found:
        raise CellError(f"the time {text!r} does not exist in {zone}: the clocks skip it.")
    raise CellError(
        f"the time {text!r} happens twice in {zone}, when the clocks go back; times with offsets are clear."
    )


def _read_time(text: str, time_format: str | None) -> datetime:
    if time_format is None:
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    for one in FORMATS if time_format is None else (time_format,):
        try:
            return datetime.strptime(text, one)  # noqa: DTZ007 - the caller gives it its zone
        except ValueError:
            continue
    raise CellError(f"{text!r} is not a time in the expected format.")


def parse_value(text: str, kind: DataPointKind) -> Value:
    """What a cell says. Raises CellError where a number is needed and there is none."""
    number = _number(text)
    if number is not None:
        return number
    if kind != DataPointKind.STATE:
        raise CellError(f"{text!r} is not a number, and a {kind} needs one.")
    return _BOOLEANS.get(text.lower(), text)


def _number(text: str) -> float | int | None:
    """Digits stay a whole number, as measured; very many of them do not fit one."""
    if "_" in text:  # Python's own way of writing thousands, and nobody else's
        return None
    with suppress(ValueError):
        return int(text) if len(text) <= LONGEST_WHOLE and text.lstrip("+-").isdecimal() else float(text)
    return None


def _boolean(text: str, column: str) -> bool:
    found = _BOOLEANS.get(text.lower(), {"0": False, "1": True, "": False}.get(text))
    if found is None:
        raise CellError(f"{text!r} in column {column!r} is neither true nor false.")
    return found


class _Table:
    """The open file: iterates over (line number, cells) of its rows, blank lines left out. Raises FileError."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._columns: dict[str, int] = {}
        self._width = 0

    def __enter__(self) -> Self:
        try:
            self._file = self._plan.path.open(newline="", encoding="utf-8-sig")
        except OSError as error:
            raise FileError(f"{self._plan.path} cannot be read: {error.strerror}.") from None
        try:
            self._reader = csv.reader(self._file)
            self._read_header()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while (cells := self._next()) is not None:
            if any(cells):
                yield self._reader.line_num, [cell.strip() for cell in cells]

    def cell(self, cells: list[str], column: str) -> str:
        index = self._columns[column]
        return cells[index] if index < len(cells) else ""

    def time(self, cells: list[str]) -> str:
        return cells[0] if self._plan.time_column is None else self.cell(cells, self._plan.time_column)

    def check_width(self, cells: list[str]) -> None:
        if len(cells) != self._width:
            raise CellError(f"{len(cells)} cells, but the file has {self._width} columns.")

    def _read_header(self) -> None:
        header = [name.strip() for name in self._next() or []]
        if not header:
            raise FileError(f"{self._plan.path} is empty.")
        self._width = len(header)
        self._columns = {name: index for index, name in reversed(list(enumerate(header)))}
        needed = [column.name for column in self._plan.columns]
        needed += [name for name in (self._plan.time_column, self._plan.bad_if) if name is not None]
        for name in needed:
            if name not in self._columns:
                there = ", ".join(repr(column) for column in header)
                raise FileError(f"The file has no column {name!r}. It has: {there}.")

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except UnicodeDecodeError:
            raise FileError(f"The file is not UTF-8 text, near line {self._reader.line_num + 1}.") from None
        except csv.Error as error:
            raise FileError(f"line {self._reader.line_num}: {error}.") from None
