"""The files that a run keeps in DATA_DIR. All are private to the account that runs the product."""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from portal.runtime.program import StartError

SECRETS = "secrets.env"  # SECRET_KEY and FIELD_ENCRYPTION_KEYS
RUNTIME = "runtime.env"  # DATABASE_URL and REDIS_URL of the embedded servers
DEMO = "demo.env"  # FEEDER_API_KEY of the demo's organization


def create(data_dir: Path) -> None:
    """As root, others may pass but not read: PostgreSQL's own account has to get to its directory."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        private_dir(data_dir / "log")
        (data_dir / "log" / ".writable").touch()
    except OSError as error:
        raise StartError(f"DATA_DIR {data_dir} cannot be written: {error.strerror}.") from None


def private_dir(path: Path) -> Path:
    path.mkdir(exist_ok=True, mode=0o700)
    return path


@contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Hold DATA_DIR for this process; the kernel lets go when the process ends, however it ends."""
    with (data_dir / "up.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"Another `up` already runs with DATA_DIR {data_dir}.") from None
        yield


def read_env(path: Path) -> dict[str, str]:
    """`NAME=value` lines; no file is no values."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file as a whole, so that a crash leaves the old one or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def own_secrets(data_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that the environment does not give: made at the first start, the same ever after.

    Losing the field keys means losing every stored credential, so they are written before they are used.
    """
    path = data_dir / SECRETS
    kept = read_env(path)
    needed = [name for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS") if not environ.get(name)]
    fresh = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    }
    missing = {name: fresh[name] for name in needed if name not in kept}
    if missing:
        write_env(path, kept | missing)
    return {name: (kept | missing)[name] for name in needed}
