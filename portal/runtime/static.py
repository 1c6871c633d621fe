"""Static files are hashed and compressed anew only when they, or the installed packages, have changed."""

import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

STAMP = "static.stamp"  # beside the directory, in DATA_DIR
PACKAGES = ("portal", "connectors", "triggers")


def fingerprint(base_dir: Path) -> str:
    """Over names, sizes and times of our files, and over names and versions of the installed packages."""
    digest = hashlib.sha256()
    for fact in _facts(base_dir):
        digest.update(fact.encode() + b"\n")
    return digest.hexdigest()


def _facts(base_dir: Path) -> Iterator[str]:
    for package in PACKAGES:
        for directory in sorted((base_dir / package).rglob("static")):
            for path in sorted(directory.rglob("*")):
                state = path.stat()
                yield f"{path} {state.st_size} {state.st_mtime_ns}"
    yield from sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
