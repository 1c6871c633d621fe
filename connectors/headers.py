"""Header rules, held once for both places that need them: when a header is saved, and when it is sent.

"S4" of the test plan asks for both, so that a row written by other means cannot split a request.
"""

from __future__ import annotations

import re
from functools import lru_cache

from connectors.message import Headers

HEADER_VALUE_CAP = 4096
"""Characters of one header value; the limit that The Things Stack documents (B6)."""

RESPONSE_HEADERS_CAP = 16 * 1024
"""Characters of response headers that are kept; libcurl itself gives up at 300 KiB or 5,000 headers."""

FRAMING_NAMES = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"}
    | {"expect", "proxy-authorization", "proxy-connection"}
)
"""They say where a message ends and who receives it: only the HTTP library writes them."""

_PROFILE_NAMES = frozenset({"content-type", "content-encoding", "x-signature", "x-message-type"})
_PROFILE_PREFIXES = ("webhook-", "ce-")
_REMEMBERED_BLOCK = 1024  # bytes
_LINE = re.compile(r"\n([^:\r\n]+):[ \t]*([^\r\n]*)")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
# Also those behind the ASCII ones: a receiver that splits lines as Python's str does would end one at \x85.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_UNPRINTABLE_BUT_NEWLINE = bytes([*range(9), *range(11, 32), *range(127, 160)])


def name_problem(name: str) -> str | None:
    """Why an admin may not configure this header, or None."""
    lowered = name.lower()
    if not _TOKEN.fullmatch(name):
        return "Use letters, digits and hyphens only (an RFC 9110 token)."
    if lowered in FRAMING_NAMES or lowered in _PROFILE_NAMES or lowered.startswith(_PROFILE_PREFIXES):
        return "This header is written by the product itself."
    return None


def value_problem(value: str) -> str | None:
    """Why this text cannot be a header's value, or None."""
    if len(value) > HEADER_VALUE_CAP:
        return f"At most {HEADER_VALUE_CAP} characters."
    if _UNPRINTABLE.search(value):
        return "Line breaks and control characters are not allowed."
    if not is_latin_1(value):
        return "Only characters of ISO 8859-1 can travel in a header."
    if value != value.strip(" \t"):
        return "Must not start or end with a blank."
    return None


def is_latin_1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def lines_template(names: tuple[str, ...]) -> str:
    """Header lines with a %s for each value, for `header_lines`; the product's own names are welcome here.

    The last line keeps libcurl from announcing a large body with "Expect" and waiting for the answer.
    ValueError: a name cannot be sent.
    """
    for name in names:
        if not _TOKEN.fullmatch(name) or name.lower() in FRAMING_NAMES:
            raise ValueError("a header's name is malformed, or is one that only the sender writes")
    return "".join([name.replace("%", "%%") + ": %s\n" for name in names]) + "Expect:"


def header_lines(template: str, values: tuple[str, ...]) -> list[bytes]:
    """The lines for libcurl. ValueError: a value cannot be sent.

    The whole block is encoded and searched at once, because this runs for every request. A header without a
    value ends in a semicolon: libcurl reads "Name:" as a wish to leave the header out.
    """
    block = (template % values).encode("latin-1")
    lines = block.split(b"\n")
    if len(lines) != len(values) + 1 or len(block.translate(None, _UNPRINTABLE_BUT_NEWLINE)) != len(block):
        raise ValueError("a header holds a line break or a control character")
    if "" in values:
        return [line.replace(b": ", b";") if line.endswith(b": ") else line for line in lines]
    return lines


def response_headers(block: bytes) -> Headers:
    """The final answer's headers: of several blocks (1xx answers come first) the last one.

    In a drain a partner's answers of the same second carry the same headers, so small blocks are remembered.
    """
    return _remembered(block) if len(block) < _REMEMBERED_BLOCK else _parse(block)


def _parse(block: bytes) -> Headers:
    text = block.decode("latin-1")
    start = text.rfind("\nHTTP/") + 1
    found = _LINE.findall(text, start, start + RESPONSE_HEADERS_CAP)
    return tuple([(name, value.strip()) for name, value in found])


_remembered = lru_cache(maxsize=256)(_parse)
