"""`make soak`: each fault of the plan with its figures, then the million. Prints a report, and writes it as JSON.

make soak                                      everything but the hour: about 45 minutes
make soak ARGS="--only F1 F9"                  some of it
make soak ARGS="--only steady --minutes 60"    an hour of steady traffic
make soak ARGS="--only million --deliveries 100000 --kills 10"
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from bench.soak.clocks import f5_clocks_off
from bench.soak.long import LONG
from bench.soak.partner import Partner
from bench.soak.report import Report
from bench.soak.scenarios import FAULTS as SINGLE
from bench.soak.scenarios import Scenario, Site
from bench.soak.schedulers import f4_two_schedulers
from tests.whole.stack import ROOT, Stack

RESULTS = ROOT / "bench" / "results" / "soak.json"
FAULTS: dict[str, Scenario] = dict(sorted({**SINGLE, "F4": f4_two_schedulers, "F5": f5_clocks_off}.items()))
UNRECORDED = 500
"""DELIVERY_MAX_UNRECORDED of these runs: a tenth of the default, so that the bound on duplicates says something."""
WORKERS = {"F1": 4, "million": 4}
ENOUGH_API_CALLS = "100000/min"


def main() -> int:
    options = _options()
    reports = {name: _run(name, options) for name in options.only}
    _write(options.json, reports)
    broken = [name for name, report in reports.items() if report.broken]
    _tell(f"broken: {', '.join(broken)}" if broken else f"{', '.join(reports)}: all hold")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    every = [*FAULTS, *LONG]
    parser.add_argument(
        "--only", nargs="+", choices=every, default=[*FAULTS, "million"], metavar="NAME", help=", ".join(every)
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of steady traffic")
    parser.add_argument("--deliveries", type=int, default=1_000_000, help="of the million")
    parser.add_argument("--kills", type=int, default=100, help="during the million")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the report goes")
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace) -> Report:
    """In a product of its own: processes that were killed often start again more slowly, which is another's burden."""
    _tell(f"{name} begins")
    workers = WORKERS.get(name, 2)
    env = {
        "DELIVERY_MAX_UNRECORDED": str(UNRECORDED),
        "API_RATE": ENOUGH_API_CALLS,
        "CONNECTIVITY_DEBOUNCE_SECONDS": "0",
        "DJANGO_SETTINGS_MODULE": "bench.soak.poisoned_settings",
    }
    figures: dict[str, Any] = {
        "million": {"deliveries": options.deliveries, "kills": options.kills, "tell": _tell},
        "steady": {"minutes": options.minutes, "tell": _tell},
    }
    scenario = partial({**FAULTS, **LONG}[name], **figures.get(name, {}))
    with (
        tempfile.TemporaryDirectory(prefix="feeder-soak-") as directory,
        Partner() as partner,
        Stack(_open(directory), workers=workers, env=env) as stack,
    ):
        try:
            report = scenario(Site(stack=stack, partner=partner, workers=workers, unrecorded=UNRECORDED))
        except (AssertionError, RuntimeError) as error:  # what was waited for did not come
            report = Report(name=name, figures={}, broken=[str(error)])
        if report.broken:
            kept = Path(tempfile.gettempdir()) / f"feeder-soak-{name}.log"
            kept.write_text(stack.log)
            _tell(f"{name}: the product's log is kept in {kept}")
    _tell(str(report))
    return report


def _open(directory: str) -> Path:
    """PostgreSQL's account has to get to its own directory, where this runs as root."""
    Path(directory).chmod(0o711)
    return Path(directory)


def _write(path: Path, reports: dict[str, Report]) -> None:
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "scenarios": {name: report.as_json() for name, report in reports.items()}}
    path.write_text(json.dumps(content, indent=2) + "\n")
    _tell(f"report in {path}")


def _tell(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
