"""The supervisor, over small scripts."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from portal.runtime.program import Program, StartError, Stop
from portal.runtime.programs import BASE_DIR
from portal.runtime.supervisor import Console, Supervisor

# Arguments: a journal that it writes to when it has started and ended, its name, seconds of work in flight.
SERVANT = """
import signal, sys, time
journal, name, work = sys.argv[1], sys.argv[2], float(sys.argv[3])
def note(what):
    with open(journal, "a") as stream:
        stream.write(f"{name} {what}\\n")
def end(*_):
    time.sleep(work)
    note("finished")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, lambda *_: note("got the terminal's signal"))
note("started")
print("at your service", flush=True)
while True:
    time.sleep(0.02)
"""


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Processes that share the tests out ignore it, and what they start would, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(output: io.StringIO) -> Supervisor:
    return Supervisor(Console(output))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


def _servant(name: str, journal: Path, work: float = 0.0, **changes: object) -> Program:
    return Program(
        name=name,
        command=[sys.executable, "-c", SERVANT, str(journal), name, str(work)],
        announces="at your service",
        **changes,  # type: ignore[arg-type]
    )


def _shell(name: str, script: str, **changes: object) -> Program:
    return Program(name=name, command=["/bin/sh", "-c", script], **changes)  # type: ignore[arg-type]


def _until(condition: Callable[[], bool], wait: Callable[[float], None] = time.sleep) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not within 10 s"
        wait(0.02)


def test_processes_start_in_order_and_stop_in_reverse_with_work_in_flight_finished(
    supervisor: Supervisor, journal: Path
) -> None:
    with supervisor.signals():
        supervisor.start(_servant("database", journal))
        supervisor.start(_servant("worker", journal, work=0.5))
        supervisor.start(_servant("scheduler", journal))
    assert journal.read_text().splitlines() == [
        "database started",
        "worker started",
        "scheduler started",
        "scheduler finished",
        "worker finished",
        "database finished",
    ]


def test_every_line_carries_the_name_of_its_process(supervisor: Supervisor, output: io.StringIO) -> None:
    with supervisor.signals():
        supervisor.run(_shell("one", "echo first; echo second >&2"))
        supervisor.run(_shell("other", "printf 'no newline at the end'"))
    lines = output.getvalue().splitlines()
    assert sorted(lines[:2]) == ["one      | first", "one      | second"]
    assert lines[2] == "other    | no newline at the end"


def test_an_answer_is_returned_and_not_shown(supervisor: Supervisor, output: io.StringIO) -> None:
    with supervisor.signals():
        assert supervisor.run(_shell("ask", "echo secret; echo log >&2", answers=True)) == "secret\n"
    assert output.getvalue() == "ask      | log\n"


def test_a_process_that_dies_starts_again_after_growing_pauses(
    supervisor: Supervisor, output: io.StringIO, journal: Path
) -> None:
    with supervisor.signals():
        supervisor.start(_shell("frail", f"echo x >> {journal}; sleep 0.1; exit 3"))
        _until(lambda: journal.read_text().count("x") == 3, supervisor.wait)
    notices = [line for line in output.getvalue().splitlines() if "again in" in line]
    assert notices[:2] == [
        "frail    | ended with code 3; starts again in 0.5 s",
        "frail    | ended with code 3; starts again in 1 s",
    ]


def test_a_process_that_was_asked_to_end_starts_again_at_once_however_often(
    supervisor: Supervisor, output: io.StringIO, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.runtime.supervisor.BRIEF_SECONDS", 0.0)
    monkeypatch.setattr("portal.runtime.supervisor.FIRST_PAUSE_SECONDS", 60.0)
    script = f"trap 'exit 0' TERM; echo $$ >> {journal}; while :; do sleep 0.02; done"
    with supervisor.signals():
        supervisor.start(_shell("worker", script))
        for starts in range(1, 4):
            _until(lambda n=starts: journal.read_text().count("\n") == n, supervisor.wait)
            os.kill(int(journal.read_text().split()[-1]), signal.SIGTERM)
        _until(lambda: journal.read_text().count("\n") == 4, supervisor.wait)
    assert [line for line in output.getvalue().splitlines() if "starts again" in line] == [
        "worker   | ended with code 0; starts again at once"
    ] * 3


def test_a_process_that_ends_well_as_soon_as_it_runs_counts_as_failed(
    supervisor: Supervisor, output: io.StringIO, journal: Path
) -> None:
    with supervisor.signals():
        supervisor.start(_shell("idle", f"echo x >> {journal}; exit 0"))
        _until(lambda: journal.read_text().count("x") == 2, supervisor.wait)
    assert "idle     | ended with code 0; starts again in 0.5 s" in output.getvalue().splitlines()


def test_what_a_dead_process_leaves_behind_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    child = tmp_path / "child"
    with supervisor.signals():
        supervisor.start(_shell("parent", f"sleep 60 & echo $! > {child}; exit 1"))
        _until(lambda: child.exists() and child.read_text() != "", supervisor.wait)
        pid = int(child.read_text())
        _until(lambda: not _runs(pid), supervisor.wait)


def test_a_process_that_ends_before_it_is_ready_stops_the_start(
    supervisor: Supervisor, journal: Path, output: io.StringIO
) -> None:
    web = _shell("web", "echo reason; exit 4", announces="never said")
    with supervisor.signals():
        supervisor.start(_servant("database", journal))
        with pytest.raises(StartError, match="web ended with code 4 before it was ready"):
            supervisor.start(web)
    assert "web      | reason" in output.getvalue()
    assert journal.read_text().splitlines()[-1] == "database finished"


def test_a_process_that_is_not_ready_in_time_is_stopped(supervisor: Supervisor, journal: Path) -> None:
    slow = replace(_servant("slow", journal, ready_within=0.5), announces="never said")
    with pytest.raises(StartError, match="slow was not ready within"), supervisor.signals():
        supervisor.start(slow)
    assert journal.read_text().splitlines() == ["slow started", "slow finished"]


def test_a_failing_command_stops_the_start(supervisor: Supervisor) -> None:
    with pytest.raises(StartError, match="`migrate` ended with code 7"), supervisor.signals():
        supervisor.run(_shell("migrate", "exit 7"))


def test_a_process_deaf_to_the_soft_signal_is_killed_in_the_end(supervisor: Supervisor) -> None:
    deaf = _shell(
        "deaf",
        "trap '' TERM; echo up; while :; do sleep 0.05; done",
        announces="up",
        stops=(Stop(signal=signal.SIGTERM, seconds=0.3),),
    )
    begin = time.monotonic()
    with supervisor.signals():
        supervisor.start(deaf)
    assert time.monotonic() - begin < 5


def test_a_second_request_does_not_wait_for_the_work_in_flight(supervisor: Supervisor, journal: Path) -> None:
    begin = time.monotonic()
    with supervisor.signals():
        supervisor.start(_servant("worker", journal, work=60, stops=(Stop(signal=signal.SIGTERM, seconds=60),)))
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        supervisor.watch()
    assert time.monotonic() - begin < 10
    assert journal.read_text() == "worker started\n"


STANDALONE = """
import sys
from dataclasses import replace
from pathlib import Path
from portal.runtime.program import Program
from portal.runtime.supervisor import Console, Supervisor
supervisor = Supervisor(Console())
with supervisor.signals():
    supervisor.start(Program(name="child", command=sys.argv[1:], announces="at your service"))
    supervisor.watch()
"""


def _standalone(journal: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", STANDALONE, sys.executable, "-c", SERVANT, str(journal), "child", "0.3"]
    process = subprocess.Popen(words, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True, start_new_session=True)
    _until(lambda: "child started" in journal.read_text())
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    return process


def test_ctrl_c_at_the_terminal_reaches_the_supervisor_and_not_its_processes(journal: Path) -> None:
    process = _standalone(journal)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert journal.read_text().splitlines() == ["child started", "child finished"]


def test_processes_end_when_the_supervisor_is_killed(journal: Path) -> None:
    process = _standalone(journal)
    process.kill()
    process.communicate(timeout=10)
    _until(lambda: "child finished" in journal.read_text())


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
