"""What an admin can try when a message did not arrive: one sentence for each kind of answer. Pure."""

from __future__ import annotations

from typing import Final

from connectors.message import ErrorClass

_BY_ERROR: Final[dict[str, str]] = {
    ErrorClass.BLOCKED: "Use a public https address. An operator can open a network of the inside with EGRESS_ALLOW.",
    ErrorClass.DNS: "Check the host name for a slip of the pen, and that it exists in public DNS.",
    ErrorClass.CONNECTION: "Check the port, that the server runs, and that its firewall lets this address in.",
    ErrorClass.TLS: "The certificate must be valid for this name, unexpired, and sent with its whole chain.",
    ErrorClass.TIMEOUT: "Answer first and work afterwards: accept the message, then process it in the background.",
    ErrorClass.PROTOCOL: "Something answers there, but not HTTP. Check the port, and http against https.",
    ErrorClass.TOKEN: "Check token URL, client id and secret, and where they go: the detail says what was answered.",
    ErrorClass.RENDER: "The message could not be made: check profile, authentication and signing of the connector.",
    ErrorClass.EXPIRED: "Nothing to do: it waited for longer than it was of use, so it was not sent.",
}
_BY_STATUS: Final[dict[int, str]] = {
    400: "The receiver refused the body: check that it expects this profile.",
    401: "The receiver wants other credentials: check the authentication of the connector.",
    403: "The receiver knows the caller but refuses: check the credentials, the signing secret and its allow lists.",
    404: "The path does not exist there: check the URL after the host name.",
    405: "The receiver takes no POST at this path: check the URL.",
    410: "The receiver says that it is gone for good: set a new URL.",
    413: "The receiver finds the message too large: raise its limit.",
    415: "The receiver expects another media type: check that it expects this profile.",
    429: "The receiver asks for fewer requests: set a rate limit for the connector, or lower its requests at once.",
}


def advice(status: int | None, error: str | None) -> str:
    """What to try, or nothing where nothing went wrong."""
    if error is not None:
        return _BY_ERROR.get(error, "")
    if status is None or 200 <= status < 300:
        return ""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return "Redirects are not followed: enter the final URL."
    if status < 500:
        return "The receiver refused the message: its answer below may say why."
    return "The receiver failed while it worked: its own log will say why."
