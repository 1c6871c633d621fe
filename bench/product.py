"""The product's processes as `manage.py up` starts them: its web process, its workers; and the rivals' beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from bench.bed import Bed
from bench.process import Process
from portal.runtime import programs
from portal.runtime.programs import Address
from portal.runtime.server import choose_port

START_SECONDS = 60.0
SETTLING_SECONDS = 1.0
"""What a worker still does after it has its shards."""


@contextmanager
def web(bed: Bed, env: Mapping[str, str], *, application: str = "portal.wsgi") -> Iterator[str]:
    """gunicorn with the product's own command line, around the product or another application; its address."""
    address = Address(host="127.0.0.1", port=choose_port(None))
    program = programs.web(address, env)
    program = replace(program, command=[application if word == "portal.wsgi" else word for word in program.command])
    with Process.of(program, bed.log("web")) as process:
        process.wait_until_ready()
        yield address.url


@contextmanager
def workers(bed: Bed, database: str, count: int) -> Iterator[list[Process]]:
    """Delivery workers that have shared the shards evenly among themselves."""
    env = bed.env(database)
    with ExitStack() as running:
        started = [
            running.enter_context(Process.of(programs.worker(number, env), bed.log(f"worker{number}")))
            for number in range(1, count + 1)
        ]
        with bed.session(database) as session:
            _wait_for_shares(session, count)
        yield started


def _wait_for_shares(session: Any, workers: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    shards = session.execute("select count(*) from connectors_shard").fetchone()[0]
    query = "select count(*) from connectors_shard where owner is not null group by owner"
    while True:
        owned = [count for (count,) in session.execute(query).fetchall()]
        if len(owned) == workers and sum(owned) == shards and max(owned) - min(owned) <= workers:
            time.sleep(SETTLING_SECONDS)
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the workers did not share the shards: {owned}")
        time.sleep(0.1)
