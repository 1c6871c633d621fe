"""SAS tokens as the owner of a storage account makes them, after the documentation of version 2020-12-06 and later.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas and …/create-account-sas. The account's key is
decoded from Base64 here, unlike the one of an Event Hub.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from datetime import datetime
from urllib.parse import urlencode

VERSION = "2021-12-02"


def container_sas(account: str, key: str, container: str, *, rights: str, end: datetime) -> str:
    ends = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    resource = f"/blob/{account}/{container}"
    #        rights, start, end, resource, identifier, IP, protocol, version, kind, snapshot, scope, five headers
    signed = [rights, "", ends, resource, "", "", "", VERSION, "c", "", "", "", "", "", "", ""]
    return urlencode({"sv": VERSION, "sr": "c", "sp": rights, "se": ends, "sig": _signature(key, "\n".join(signed))})


def account_sas(account: str, key: str, *, end: datetime) -> str:
    """With every right on containers and blobs, for what the account's owner does beside the product."""
    ends, rights, services, kinds = f"{end:%Y-%m-%dT%H:%M:%SZ}", "rwdlac", "b", "sco"
    signed = [account, rights, services, kinds, "", ends, "", "", VERSION, "", ""]
    fields = {"sv": VERSION, "ss": services, "srt": kinds, "sp": rights, "se": ends}
    return urlencode({**fields, "sig": _signature(key, "\n".join(signed))})


def _signature(key: str, text: str) -> str:
    return b64encode(hmac.digest(b64decode(key), text.encode(), "sha256")).decode()
