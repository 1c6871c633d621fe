"""What a target URL may look like when it is saved, and again when it is used. No name is resolved here.

The URL is sent exactly as registered (B5), so nothing is corrected: what is odd is refused with a reason.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from connectors.egress import REFUSED, EgressPolicy

URL_CAP = 2048
"""Characters of a URL; what every common server and proxy takes."""

Exemption = tuple[str, int]
"""One address and port that the guard lets through for one request."""

_PARTS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.\-]*)://(?P<authority>[^/?#]*)[^#]*(?P<fragment>#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_FOREIGN = re.compile(r"[^!-~]")
_UNSAFE = re.compile(r'["<>\\^`{|}]')
_BAD_ESCAPE = re.compile(r"%(?![0-9a-f]{2})|%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_\-]{1,63}(?<!-)")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_INNER_SUFFIXES = frozenset({"localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "onion"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
_UPWARD = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_NOT_BELOW = "Write a path below the URL, such as /hooks/values."
_ASCII_ONLY = "Only ASCII without blanks: percent-encode the path, write international names in their xn-- form."
_DEFAULT_PORTS = {"https": 443, "http": 80}


def check_url(url: str, policy: EgressPolicy, *, exempt: Exemption | None = None) -> list[str]:
    """Every reason why this URL is refused, in words for the person who typed it; empty when it is fine."""
    if len(url) > URL_CAP:
        return [f"The URL is longer than {URL_CAP} characters."]
    if problems := _characters(url):
        return problems
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return ["Write a whole URL, such as https://partner.example/webhooks."]
    problems = []
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS or (scheme == "http" and not policy.allow_http and exempt is None):
        problems.append("Only https is possible.")
    if parts["fragment"] is not None:
        problems.append("A fragment (#…) is never sent: leave it out.")
    if "@" in parts["authority"]:
        return [*problems, "No user name or password in the URL: use the authentication settings."]
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        return [*problems, "The host or the port is malformed."]
    port = int(authority["port"] or _DEFAULT_PORTS.get(scheme, 1))
    if not 1 <= port <= 65535:
        problems.append("The port must be between 1 and 65535.")
    return problems + _host(authority["host"].lower(), port, policy, exempt)


def join_route(url: str, route: str) -> str:
    """Where a message of this route goes: its path is put behind the URL's own, and queries of both are kept.

    `https://a.example/in?key=1` with `/values` is `https://a.example/in/values?key=1`. Without a route, the URL itself.
    """
    if not route:
        return url
    base, _, query = url.partition("?")
    path, _, more = route.partition("?")
    joined = f"{base.rstrip('/')}/{path.lstrip('/')}"
    queries = "&".join(part for part in (query, more) if part)
    return f"{joined}?{queries}" if queries else joined


def route_problem(route: str) -> str | None:
    """Why this cannot be a route, in words for the person who typed it, or None."""
    if not route:
        return "This field is required."
    if len(route) > URL_CAP:
        return f"The route is longer than {URL_CAP} characters."
    if problems := _characters(route):
        return problems[0]
    if "#" in route:
        return "A fragment (#…) is never sent: leave it out."
    if route.startswith("//") or _SCHEME.match(route):
        return _NOT_BELOW
    return "Leave out the segments . and .." if _UPWARD.search(route.partition("?")[0]) else None


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL that `check_url` passed, each in one writing: `https://a.example:443`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"


def name_and_port(url: str) -> tuple[str, int] | None:
    """What must be looked up for a URL that `check_url` passed; None where its host is an address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host, parts.port or _DEFAULT_PORTS[parts.scheme]
    return None


def _characters(url: str) -> list[str]:
    if _FOREIGN.search(url):
        return [_ASCII_ONLY]
    if _UNSAFE.search(url):
        return ["Backslashes, quotes, braces and the like must be percent-encoded."]
    if _BAD_ESCAPE.search(url):
        return ["A percent sign must be followed by two hexadecimal digits, and not by a control character."]
    return []


def _host(host: str, port: int, policy: EgressPolicy, exempt: Exemption | None) -> list[str]:
    if not host:
        return ["The host is missing."]
    if host.startswith("["):
        return _literal(host[1:-1], port, policy, exempt)
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _literal(name, port, policy, exempt)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return ["The host is not a valid name."]
    if not all(_valid_idna(label) for label in labels if label.startswith("xn--")):
        return ["The host is not a valid international name."]
    if labels[-1] == "localhost":
        return _literal("127.0.0.1", port, policy, exempt)
    inner = len(labels) == 1 or labels[-1] in _INNER_SUFFIXES or name.endswith(".home.arpa")
    return [REFUSED] if inner and not policy.allow else []


def _literal(text: str, port: int, policy: EgressPolicy, exempt: Exemption | None) -> list[str]:
    """Judge an address in its plain writing; the odd ones (octal, hexadecimal, short) have no honest use."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return ["Write an IP address in its usual form, or use a name."]
    if exempt == (str(ip), port) or policy.permits(ip):
        return []
    return [REFUSED]


def _valid_idna(label: str) -> bool:
    """Whether an xn-- label stands for letters. It is kept and shown as ASCII, so it cannot pass for another.

    Not Python's own codec: that is IDNA 2003, in which xn--strae-oqa (straße) is an error.
    """
    encoded = label.removeprefix("xn--")
    try:
        decoded = encoded.encode("ascii").decode("punycode")
        returned = decoded.encode("punycode").decode("ascii")
    except UnicodeError:
        return False
    plain = unicodedata.normalize("NFKC", decoded).lower() == decoded and not decoded.isascii()
    return plain and returned == encoded and all(_letter(character) for character in decoded)


def _letter(character: str) -> bool:
    return character == "-" or unicodedata.category(character)[0] in "LMN"
