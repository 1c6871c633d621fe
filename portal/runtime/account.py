"""The account that PostgreSQL runs under: it refuses to run as root."""

import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.runtime.program import SETPRIV, StartError, last_line

# Tried in this order. A directory above the binaries or the data may be closed to the account (a checkout in
# /root, a temporary directory). Its permissions are not ours to open: the process keeps a capability to pass.
CAPABILITIES: Sequence[str | None] = (None, "dac_read_search", "dac_override")


def environment() -> dict[str, str]:
    """Without the operator's PG* variables, which initdb and the server would obey."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, kw_only=True)
class Account:
    """`options` are setpriv's; `owner` is the (uid, gid) to own the cluster, None when it is ourselves."""

    options: Sequence[str]
    owner: tuple[int, int] | None

    def run(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        words = [SETPRIV, *self.options, *command] if SETPRIV and self.options else list(command)
        return subprocess.run(  # noqa: S603 - the words are this package's own
            words, capture_output=True, text=True, errors="replace", check=False, env=environment()
        )

    def own(self, directory: Path) -> None:
        """Give the account the directory and all below it; nothing above is touched."""
        if self.owner is None or (directory.stat().st_uid, directory.stat().st_gid) == self.owner:
            return
        for path in (*directory.rglob("*"), directory):
            os.chown(path, *self.owner, follow_symlinks=False)


def choose(initdb: Path, cluster: Path) -> Account:
    """Ourselves; as root, the cluster's owner, or the system's `postgres`, or `nobody`."""
    if os.geteuid() != 0:
        return Account(options=(), owner=None)
    if SETPRIV is None:
        raise StartError("PostgreSQL refuses to run as root, and setpriv (of util-linux) is not installed.")
    owner = _owner(cluster)
    for options in _options(owner):
        account = Account(options=options, owner=owner)
        nearest = cluster if cluster.exists() and cluster.stat().st_uid == owner[0] else cluster.parent
        # `--show` makes nothing, and reaches for all that PostgreSQL needs of its own files.
        words = ["/bin/sh", "-c", '"$0" --show --pgdata="$1" && cd "$1"', str(initdb), str(nearest)]
        probe = account.run(words)
        if probe.returncode == 0:
            return account
    raise StartError(
        f"PostgreSQL refuses to run as root, and uid {owner[0]} cannot reach {initdb} or {cluster.parent}: "
        f"{last_line(probe.stderr)}."
    )


def _owner(cluster: Path) -> tuple[int, int]:
    if cluster.exists() and cluster.stat().st_uid != 0:
        return cluster.stat().st_uid, cluster.stat().st_gid
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise StartError("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`.")


def _options(owner: tuple[int, int]) -> Iterator[Sequence[str]]:
    identity = (f"--reuid={owner[0]}", f"--regid={owner[1]}", "--clear-groups")
    for capability in CAPABILITIES:
        if capability is None:
            yield (*identity, "--inh-caps=-all", "--ambient-caps=-all")
        else:
            sets = (f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}")
            # Without the bit, access(2) ignores capabilities, and PostgreSQL asks it about its own files.
            yield (*identity, *sets, "--securebits=+no_setuid_fixup")
