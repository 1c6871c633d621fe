"""A kept request as a command that makes it again, to paste into a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping


def command(method: str, url: str, headers: Mapping[str, str], body: str | None) -> str:
    """One header per line; secrets are blotted out in `headers` already, and must be filled in by hand."""
    parts = [f"curl -X {method} {shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    if body is not None:
        parts.append(f"--data-raw {shlex.quote(body)}")
    return " \\\n  ".join(parts)
