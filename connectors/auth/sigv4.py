"""AWS Signature Version 4, computed by botocore (S1 lines 54 and 55).

For the service `s3` every request puts an object under a name of its own; other services are sent a POST to the URL as
it is. Signed are the host, the media type, the date and the body: what a service needs to believe the sender.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from msgspec.structs import replace

from connectors.auth.fields import Check, Config, Field, Kind, Problems, check_fields, names, never, text
from connectors.auth.objects import LONGEST_NAME, TOO_LONG, object_url
from connectors.auth.prepared import Prepared
from connectors.message import Request
from connectors.target import URL_CAP

S3 = "s3"

_SIGNED_ALIKE = re.compile(r"(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*")
_QUERY_SIGNED_ALIKE = re.compile(r"(?:[A-Za-z0-9\-._~=&]|%[0-9A-F]{2})*")


class _Signer(SigV4Auth):  # type: ignore[misc]
    """botocore's `add_auth` takes the machine's clock and writes session tokens to the debug log. This does neither."""

    def sign(self, request: Any, now: datetime) -> None:
        request.context["timestamp"] = now.astimezone(UTC).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


class _S3Signer(_Signer, S3SigV4Auth):  # type: ignore[misc]
    """S3 wants the body's hash in a header, and its paths encoded once."""


def _matches(pattern: str, reason: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: None if compiled.fullmatch(value) else reason


_SCOPE = _matches(r"[a-z0-9\-]{1,64}", "Small letters, digits and hyphens only.")
_KEY_ID = _matches(r"[A-Za-z0-9_\-.]{1,128}", "At most 128 letters, digits and - . _ only.")
_SECRET = _matches(r"[!-~]{1,256}", "At most 256 ASCII characters without blanks.")
_SESSION = _matches(r"[!-~]{1,4096}", "At most 4096 ASCII characters without blanks.")

NAME = "sigv4"
TITLE = "AWS Signature Version 4"
FIELDS = (
    Field(name="region", label="Region", check=_SCOPE, help="Such as eu-central-1."),
    Field(name="service", label="Service", check=_SCOPE, help="s3 puts objects; others, such as sqs, are sent a POST."),
    Field(name="access_key_id", label="Access key ID", check=_KEY_ID),
    Field(name="secret_access_key", label="Secret access key", kind=Kind.SECRET, check=_SECRET),
    Field(name="session_token", label="Session token", kind=Kind.SECRET, check=_SESSION, required=False),
)
PUBLIC, SECRET = names(FIELDS)

expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def check_url(config: Config, url: str) -> str | None:
    """Besides what would be signed in one writing and sent in another: region and bucket must be in an AWS host."""
    parts = urlsplit(url)
    to_s3 = config["service"] == S3
    if parts.netloc != parts.netloc.lower():
        return "Write the host in small letters."
    if not _SIGNED_ALIKE.fullmatch(parts.path) or not _QUERY_SIGNED_ALIKE.fullmatch(parts.query):
        return "In path and query only letters, digits and - . _ ~ as they are, anything else as %XX with capitals."
    if to_s3 and parts.query:
        return "Leave the query out: each request puts an object below the URL's path."
    if to_s3 and len(url) + LONGEST_NAME > URL_CAP:
        return TOO_LONG
    name, aws, _ = (parts.hostname or "").partition(".amazonaws.com")
    return _aws_host(config, name.split("."), parts.path.strip("/")) if aws else None


def prepare(config: Config) -> Prepared:
    service, token = text(config, "service"), text(config, "session_token") or None
    credentials = ReadOnlyCredentials(text(config, "access_key_id"), text(config, "secret_access_key"), token)
    signer = (_S3Signer if service == S3 else _Signer)(credentials, service, text(config, "region"))

    def finish(request: Request, now: datetime) -> Request:
        if service == S3:
            request = replace(request, method="PUT", url=object_url(request.url, now))
        media_type = {name: value for name, value in request.headers if name.lower() == "content-type"}
        signed = AWSRequest(method=request.method, url=request.url, headers=media_type, data=request.body)
        signer.sign(signed, now)
        added = tuple((name, value) for name, value in signed.headers.items() if name not in media_type)
        return replace(request, headers=request.headers + added)

    return Prepared(finish=finish, secret_names=frozenset({"Authorization", "X-Amz-Security-Token"}))


def _aws_host(config: Config, labels: list[str], path: str) -> str | None:
    """`labels` are those before amazonaws.com, such as of BUCKET.s3.REGION or of ID.execute-api.REGION."""
    region = text(config, "region")
    if region not in labels and f"s3-{region}" not in labels:
        return f"The host does not name the region {region}: write it as in BUCKET.s3.{region}.amazonaws.com."
    if config["service"] == S3 and labels[0] in (S3, f"s3-{region}") and not path:
        return "The bucket is missing: write it before the host or as the first part of the path."
    return None
