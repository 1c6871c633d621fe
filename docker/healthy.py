"""Is this container at work? `python -m docker.healthy web|worker|beat` ends with 1 and a sentence if not.

Each container's health check asks this every half minute, so it goes without Django, which takes five times as long
to start.
"""  # noqa: INP001 - a program of the image, not a package

import os
import socket
import sys

import psycopg

from portal.runtime import programs

WORKER = """
select exists (select from connectors_deliveryworker where starts_with(name, %s) and lease_until > now())
"""
BEAT = "select exists (select from triggers_schedulertick where at > now() - interval '2 minutes')"


def problem(process: str) -> str | None:
    """None while it is well.

    A worker is well while it renews its lease: then it has its database, and deliveries go out. The scheduler is well
    while its jobs are done, which takes Redis and a worker too.
    """
    if process == "web":
        address = programs.Address(host="127.0.0.1", port=int(os.environ.get("PORT") or 8000))
        said = programs.answer(address, "/readyz", os.environ)
        return None if said.status == 200 else f"/readyz answers {said.status} {said.body}"
    if process == "worker":
        return None if _asked(WORKER, [f"{socket.gethostname()}:"]) else "no lease of this worker is valid"
    if process == "beat":
        return None if _asked(BEAT, []) else "no scheduled job was done for two minutes"
    return f"web, worker or beat is expected, not {process!r}"


def _asked(question: str, parameters: list[str]) -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        row = connection.execute(question, parameters).fetchone()
        return bool(row and row[0])


if __name__ == "__main__":
    try:
        wrong = problem("".join(sys.argv[1:2]))
    except psycopg.Error as error:
        wrong = str(error).strip()
    if wrong:
        sys.exit(wrong)
