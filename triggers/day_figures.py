"""The figures of a day from its readings: one statement for a chunk of gateways, whatever they measure.

Each series' readings of the day are read once, in the order of its index, and beside them the one before and the one
after: what held at midnight, and what share of a counter's growth over midnight is this day's. Where those are flagged,
the nearest good ones come too: the counter went on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.lib.database import Cursor
from triggers.aggregation import UNITS, Definition, Figures, stuck_after

DAY = timedelta(days=1)
"""A UTC day has no other length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one aggregate is of. `appliance_id` is None for what the gateway itself measures."""

    gateway_id: UUID
    appliance_id: UUID | None

    @property
    def id(self) -> UUID:
        return self.appliance_id or self.gateway_id


_WANTED = """
with subject as (
    select g.id as gateway_id, g.id, null::uuid as appliance_id, g.created_at
      from fleet_gateway g where g.id = any(%(gateways)b::uuid[])
    union all
    select a.gateway_id, a.id, a.id, a.created_at from fleet_appliance a where a.gateway_id = any(%(gateways)b::uuid[])
),
wanted as materialized (  -- one row for each aggregate of each device
    select row_number() over () as n, u.gateway_id, u.appliance_id, s.id as series_id,
           a.name, a.function, a.minimum_coverage, a.stuck_after, a.rests_at, a.running_above, p.unit, p.kind,
           coalesce(a.holds_for, nullif(p.expected_interval, 0)) as holds_for
      from subject u
      join fleet_series s on s.subject_id = u.id
      join triggers_aggregate a on a.data_point_id = s.data_point_id and a.id = any(%(aggregates)b::uuid[])
      join fleet_datapoint p on p.id = s.data_point_id
     where not exists (
           select from triggers_dailyaggregate d
            where d.organization_id = %(organization)b and d.day = %(day)b and d.subject_id = u.id
              and d.property = a.name and (d.state = 'sent' or not %(again)b))
       and (u.created_at < %(end)b or exists (  -- who came later has no such day, but for an imported history
           select from events_reading r
            where r.series_id = s.id and r.time < %(end)b))
)
"""
_OF_WANTED = """
, reading as (
    select w.n, w.holds_for, w.rests_at, w.running_above, r.time, r.quality = 0 as good, r.since, r.beyond,
           coalesce(r.number, case r.text when 'true' then 1 when 'false' then 0 end) as value,
           coalesce(r.text, r.number::text) as shown
      from wanted w
     cross join lateral (
           select time, number, text, quality, null::timestamptz as since, false as beyond
             from events_reading
            where series_id = w.series_id and time >= %(start)b and time < %(end)b
            union all
           select before.time, before.number, before.text, before.quality,
                  run.since,  -- since when that value has been the same
                  before.beyond
             from (select time, number, text, quality
                     from events_reading
                    where series_id = w.series_id and time < %(start)b
                      and time >= %(earliest)b
                    order by time desc limit 1) nearest
            cross join lateral (
                  select nearest.*, false as beyond
                   union all
                 (select time, number, text, quality, true
                    from events_reading
                   where nearest.quality <> 0 and quality = 0
                     and series_id = w.series_id and time < %(start)b and time >= %(earliest)b
                   order by time desc limit 1)) before
            cross join lateral (
                  select min(time) as since
                    from events_reading
                   where series_id = w.series_id and time <= before.time
                     and time >= %(earliest)b and time < %(start)b
                     and time > coalesce(
                         (select other.time
                            from events_reading other
                           where other.series_id = w.series_id and other.time < before.time
                             and other.time >= %(earliest)b and other.time < %(start)b and other.quality = 0
                             and (other.number, other.text) is distinct from (before.number, before.text)
                           order by other.time desc limit 1),
                         '-infinity')) run
            union all
           select after.time, after.number, after.text, after.quality, null, after.beyond
             from (select time, number, text, quality  -- which tells how much the last hour's energy was
                     from events_reading
                    where series_id = w.series_id and time >= %(end)b and time < %(latest)b
                    order by time limit 1) nearest
            cross join lateral (
                  select nearest.*, false as beyond
                   union all
                 (select time, number, text, quality, true
                    from events_reading
                   where nearest.quality <> 0 and quality = 0
                     and series_id = w.series_id and time >= %(end)b and time < %(latest)b
                   order by time limit 1)) after
           ) r
),
paced as (  -- where nobody said how often readings come
    select n, percentile_cont(0.5) within group (order by gap) as median
      from (select n, extract(epoch from time - lag(time) over (partition by n order by time))::float8 as gap
              from reading where holds_for is null and not beyond) gaps
     where gap is not null
     group by n
),
standing as (
    select r.*, coalesce(r.holds_for, p.median, 0) * interval '1 second' as holds
      from reading r left join paced p using (n)
),
stepped as (  -- a reading beside the one before it that is as good or bad; `near`: that tells of this day too
    select n, time, good, value, shown, rests_at, running_above, since,
           time >= %(start)b and time < %(end)b as today,
           greatest(0, extract(epoch from
               least(lead(time) over each, time + holds, %(end)b) - greatest(time, %(start)b))::float8) as stands,
           coalesce(lead(time) over alike, %(end)b) >= %(end)b as latest,
           lag(time) over alike as before_time,
           lag(value) over alike as before,
           lag(shown) over alike is not distinct from shown as same,
           lag(time) over alike + 2 * holds >= least(time, %(start)b) as near
      from standing
    window each as (partition by n order by time), alike as (partition by n, good order by time)
),
run as (
    select *,
           max(coalesce(since, time)) filter (where not (same and near)) over (partition by n, good order by time)
               as same_since,
           case when value > before / 2 or value >= before then value - before else value end  -- or began again from 0
               * extract(epoch from least(time, %(end)b) - greatest(before_time, %(start)b))::float8
               / extract(epoch from time - before_time)::float8 as growth
      from stepped
),
figures as (
    select n,
           count(*) filter (where today) as readings,
           sum(stands) filter (where good) as covered,
           sum(stands) as reached,
           count(*) filter (where today and good and near and value > running_above and before <= running_above)
               as starts,
           sum(stands) filter (where good and value > running_above) as running,
           sum(growth) filter (where good) as energy,
           min(value) filter (where today and good) as minimum,
           max(value) filter (where today and good) as maximum,
           sum(value * stands) filter (where good) / nullif(sum(stands) filter (where good and value is not null), 0)
               as mean,
           max(shown) filter (where today and good and latest) as last,
           max(extract(epoch from time - same_since)::float8)
               filter (where today and good and value is distinct from rests_at) as unchanged,
           count(*) filter (where today and good and value is null) as worded
      from run
     group by n
)
select w.gateway_id, w.appliance_id, w.name, w.function, w.unit, w.kind, w.minimum_coverage, w.stuck_after,
       coalesce(readings, 0), coalesce(covered, 0), coalesce(reached, 0), coalesce(starts, 0), coalesce(running, 0),
       energy, minimum, maximum, mean, last, coalesce(unchanged, 0), coalesce(worded, 0)
  from wanted w left join figures using (n)
"""
_NAMES_OF_WANTED = "select gateway_id, appliance_id, name from wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which aggregates, of which gateways and the appliances behind them, on the UTC day from `start`.

    Left out is what is decided already; `again` takes up what was held back.
    """

    organization_id: UUID
    start: datetime
    gateways: Sequence[UUID]
    aggregates: Sequence[UUID]
    again: bool = False

    @property
    def end(self) -> datetime:
        return self.start + DAY

    def halves(self) -> list[Question]:
        """Two that ask for as much together, or none when it cannot be divided."""
        if (middle := len(self.aggregates) // 2) > 0:
            parts = [self.aggregates[:middle], self.aggregates[middle:]]
            return [replace(self, aggregates=part) for part in parts]
        if (middle := len(self.gateways) // 2) > 0:
            return [replace(self, gateways=part) for part in (self.gateways[:middle], self.gateways[middle:])]
        return []

    def parameters(self) -> dict[str, Any]:
        return {
            "organization": self.organization_id,
            "day": self.start.date(),
            "start": self.start,
            "end": self.end,
            "earliest": self.start - DAY,
            "latest": self.end + DAY,
            "gateways": list(self.gateways),
            "aggregates": list(self.aggregates),
            "again": self.again,
        }


def read(cursor: Cursor, question: Question) -> list[tuple[Subject, Definition, Figures]]:
    """The figures of all that is wanted. Raises psycopg.DataError where numbers are too large to be added up."""
    # Planned each time: a plan kept from when the day's table was empty would read all of it for every device.
    cursor.execute(_WANTED + _OF_WANTED, question.parameters(), prepare=False)
    return [
        (
            Subject(gateway_id=gateway, appliance_id=appliance),
            Definition(
                name=name,
                function=function,
                unit=UNITS.get(function, str(unit)),
                minimum_coverage=needed,
                stuck_after=stuck_after(stuck, kind),
            ),
            _figures(*figures),
        )
        for gateway, appliance, name, function, unit, kind, needed, stuck, *figures in cursor
    ]


def wanted(cursor: Cursor, question: Question) -> list[tuple[Subject, str]]:
    """What `read` would give figures of: the devices, and the names of their aggregates."""
    cursor.execute(_WANTED + _NAMES_OF_WANTED, question.parameters())
    return [(Subject(gateway_id=gateway, appliance_id=appliance), name) for gateway, appliance, name in cursor]


def _figures(
    readings: int,
    covered: float,
    reached: float,
    starts: int,
    run: float,
    energy: float | None,
    minimum: float | None,
    maximum: float | None,
    mean: float | None,
    last: str | None,
    unchanged: float,
    worded: int,
) -> Figures:
    return Figures(
        readings=readings,
        covered=covered / DAY.total_seconds(),
        reached=reached / DAY.total_seconds(),
        starts=starts,
        run_hours=run / 3600,
        energy=energy,
        minimum=minimum,
        maximum=maximum,
        mean=mean,
        last=None if last is None else json.loads(last),
        unchanged=unchanged,
        worded=worded,
    )
