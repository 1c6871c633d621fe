"""How a receiver can tell that a message is ours and unchanged. Pure: bytes and text in, headers out.

To add a scheme, write a module with the names of `scheme.Scheme` and name it in SCHEMES.
"""

from __future__ import annotations

from connectors.signing import none, standard_webhooks, standard_webhooks_v1a, x_signature
from connectors.signing.scheme import MAX_SECRETS, OVERLAP, Key, Scheme

__all__ = ["MAX_SECRETS", "OVERLAP", "SCHEMES", "Key", "Scheme"]

SCHEMES: dict[str, Scheme] = {
    "none": none,
    "x_signature": x_signature,
    "standard_webhooks": standard_webhooks,
    "standard_webhooks_v1a": standard_webhooks_v1a,
}
