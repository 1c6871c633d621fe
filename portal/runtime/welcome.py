"""The one block of text that a start ends with."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What `seed_demo --json` answered. The password is shown at the first start only; the key is kept."""

    email: str
    password: str | None
    api_key: str | None


def welcome(url: str, demo: Demo | None) -> str:
    lines = [
        f"Feeder runs at {url}/",
        "",
        *(_empty() if demo is None else _demo(url, demo)),
        "",
        f"The API: {url}/api/docs/",
        "Stop with Ctrl-C: work in flight is finished first.",
    ]
    return "\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines) + "\n"


def _empty() -> list[str]:
    return [
        "An organization, with its owner and an API key, is made by:",
        "  .venv/bin/python manage.py create_organization NAME --owner EMAIL",
    ]


def _demo(url: str, demo: Demo) -> list[str]:
    return [
        f"Sign in as: {demo.email}",
        f"Password: {demo.password or 'as set at the first start'}",
        f"API key: {demo.api_key or 'gone with DATA_DIR/demo.env; POST api-keys/ with another key makes one'}",
        "",
        "Try next:",
        f"  {url}/connectors/  who gets events, and in which format; the test button sends one now",
        f"  {url}/deliveries/  what was sent, each attempt with its request and response",
        f"  {url}/inbox/  the built-in receiver: what arrived, and whether the signature is right",
        "  A reading of your own, which arrives in the inbox a moment later:",
        *_reading(url, demo.api_key or "API-KEY"),
    ]


def _reading(url: str, api_key: str) -> list[str]:
    """Of the heat pump that the demo's second gateway has; a changed mode passes the change filter at once."""
    item = (
        '{"gateway": "NL-00002", "appliance": "WP-00002", "property": "hvac.mode", "value": "by hand",'
        """ "time": "'$(date -u +%FT%TZ)'"}"""
    )
    return [
        f"  curl {url}/api/v1/readings/ -H 'Authorization: Bearer {api_key}' \\",
        "    -H 'Content-Type: application/json' \\",
        """    -d '{"readings": [""" + item + """]}'""",
    ]
