"""The parts of `make bench-quick` on tiny counts: they do what they say, and clean up after themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import claim, drain, raw
from bench.bed import Bed
from bench.drain import Load


def test_the_raw_client_counts_its_requests() -> None:
    assert raw.measure(500) > 0


@pytest.mark.whole
def test_drain_and_claim_measure_the_real_engine_and_leave_nothing_behind() -> None:
    bed = Bed()
    with bed:
        postgres = Path(f"/proc/{bed.postgres.pid}")
        assert postgres.exists()
        drained = drain.measure(bed, Load(count=400, fan_out=2, connectors=4), workers=1)
        claimed = claim.measure(bed, sizes=(1000,), rounds=1)
        with bed.session() as server:
            names = [name for (name,) in server.execute("select datname from pg_database").fetchall()]
    assert drained.rps > 0
    assert drained.recorded_rps > 0
    assert set(drained.cpu_us) == {"worker", "postgres", "receiver"}
    assert {"lanes", "claimer", "recorder"} <= drained.threads_us.keys()
    assert len(drain.lines(drained)) == 3
    assert claimed.keys() == {"1000"}
    assert claimed["1000"] > 0
    assert "bench_drain" not in names
    assert sum(name.startswith("bench_drain_") for name in names) == 1
    assert not bed.directory.exists()
    assert not postgres.exists()
