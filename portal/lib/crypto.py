"""Secrets at rest: sealed with MultiFernet, bound to the row they belong to.

Fernet has no associated data, so what the value is bound to travels inside the sealed text and is compared when it
is opened: a ciphertext copied into another row is refused.
"""

from __future__ import annotations

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadable(Exception):
    """The sealed value cannot be opened: no key of FIELD_ENCRYPTION_KEYS made it, or it belongs to another row."""


@lru_cache(maxsize=1)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _current() -> MultiFernet:
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))


def seal(value: str, *, bound_to: str) -> str:
    """Encrypt `value` with the first key; `bound_to` names its row, such as `connector:<id>`."""
    return _current().encrypt(json.dumps([bound_to, value]).encode()).decode()


def unseal(sealed: str, *, bound_to: str) -> str:
    """The value that `seal` took. Raises SecretUnreadable, whose text never holds the value."""
    try:
        owner, value = json.loads(_current().decrypt(sealed.encode()))
    except InvalidToken:
        raise SecretUnreadable(f"the secret of {bound_to} was sealed with a key that is not configured") from None
    except ValueError:  # whose text and attributes hold what was decrypted
        raise SecretUnreadable(f"the secret of {bound_to} was not sealed here") from None
    if owner != bound_to:
        raise SecretUnreadable(f"the secret of {bound_to} belongs to another row")
    return str(value)


def reseal(sealed: str) -> str:
    """The same value under the newest key, for key rotation. Raises SecretUnreadable."""
    try:
        return _current().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable("the secret was sealed with a key that is not configured") from None
