"""Where a partner may have people sent back to: a fault here would make every link of ours an open redirect."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

LONGEST = 500
MOST = 20


def refuse_unsafe(uri: str) -> None:
    """Raises ValidationError for what is no plain https address. Links are compared with the whole of it.

    Only characters that every reader of URLs takes alike: browsers read a backslash as a slash and leave out tabs, and
    what stands before an @ looks like the host without being it.
    """
    if not uri.isascii() or not uri.isprintable() or any(character in uri for character in " \\<>\"'`{}|^"):
        raise ValidationError("Only the characters that a URL may have are expected.")
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port  # reading the port is what judges it
    except ValueError:
        raise ValidationError("This is no URL.") from None
    if parts.scheme != "https" or not uri.startswith("https://") or not host:
        raise ValidationError("An https:// address is expected.")
    if "@" in parts.netloc:
        raise ValidationError("A name or a password does not belong into the address.")
    if "#" in uri:
        raise ValidationError("What follows a # never reaches a server: leave it out.")


def each_once(uris: Sequence[str]) -> None:
    if len(set(uris)) < len(uris):
        raise ValidationError("Each address once.")
