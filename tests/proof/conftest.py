"""Servers that none of us wrote, each a process of its own on a free loopback port."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
S3RVER = """
const Server = require("@20minutes/s3rver");
const [directory, ...buckets] = process.argv.slice(1);
new Server({
  directory, address: "127.0.0.1", port: 0, silent: true, vhostBuckets: false,
  configureBuckets: buckets.map((name) => ({ name, configs: [] })),
}).run().then(({ port }) => console.log("http://127.0.0.1:" + port));
"""


@dataclass(frozen=True, kw_only=True)
class Store:
    """A cloud store: where it is, and who may write into it."""

    url: str
    account: str
    key: str
    folder: Path


@pytest.fixture(scope="session")
def proof_folder() -> Path:
    """Where the packages are. `make` installs them if they are not there, or are others."""
    subprocess.run(["make", "--silent", "install-proof"], cwd=ROOT, check=True)
    return ROOT / ".venv" / "proof"


@pytest.fixture(scope="session")
def s3(proof_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """s3rver with the bucket `feeds`. Its one pair of keys is written into it."""
    folder = tmp_path_factory.mktemp("s3")
    with _started(["node", "-e", S3RVER, str(folder), "feeds"], proof_folder) as url:
        yield Store(url=url, account="S3RVER", key="S3RVER", folder=folder)


@pytest.fixture(scope="session")
def azurite(proof_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Azurite's Blob Storage, strict, with an account of its own."""
    folder = tmp_path_factory.mktemp("azurite")
    key = b64encode(os.urandom(32)).decode()
    blob = proof_folder / "node_modules" / ".bin" / "azurite-blob"
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--location", str(folder), "--skipApiVersionCheck"]
    command = ["node", str(blob), *options, "--disableTelemetry", "--silent"]
    with _started(command, proof_folder, AZURITE_ACCOUNTS=f"feeder:{key}") as url:
        yield Store(url=f"{url}/feeder", account="feeder", key=key, folder=folder)


@contextmanager
def _started(command: list[str], folder: Path, **environment: str) -> Iterator[str]:
    """The process, until its URL has been used; the URL is the first that it writes with the port it got."""
    variables = {**os.environ, **environment}
    process = subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        yield _url_said(process.stdout.fileno())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _url_said(output: int, timeout: float = 60.0) -> str:
    deadline = time.monotonic() + timeout
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while not (found := re.search(rb"(http://127\.0\.0\.1:[1-9]\d*)\s", said)):
            assert selector.select(deadline - time.monotonic()), f"nothing but {said!r} within {timeout:g} s"
            more = os.read(output, 65536)
            assert more, f"it ended with {said!r}"
            said += more
    return found[1].decode()
