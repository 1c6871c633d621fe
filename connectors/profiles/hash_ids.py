"""Ids that partners may see instead of ours, as Withthegrid has them (S1 line 61, B2).

An id is alphanumeric and unique only among objects of its type: the same text may name a device and a location. It is
always the same for the same organization's salt, type and UUID, and only who has the salt can read the UUID from it.
The algorithm is our definition; the vendor's is not published.
"""

from __future__ import annotations

import hashlib
import hmac
import string
from functools import lru_cache
from uuid import UUID, uuid5

from sqids import Sqids

_PART_BITS = 43
_PARTS = 3
"""A UUID's 128 bits in numbers that Sqids takes: below 2**63."""
_PART = (1 << _PART_BITS) - 1

HELD = 20_000
"""Ids kept in memory, some 10 MB: one costs 60 µs to make, and devices and quantities come again and again."""


@lru_cache(maxsize=HELD)
def encode(salt: str, object_type: str, identifier: str) -> str:
    """The id of the object with this UUID. Raises ValueError without a salt: everybody could read such an id."""
    number = UUID(identifier).int
    parts = [number >> _PART_BITS * place & _PART for place in range(_PARTS)]
    return _alphabet_of(salt, object_type).encode(parts)


@lru_cache(maxsize=HELD)
def encode_name(salt: str, object_type: str, owner: str, name: str) -> str:
    """The id of what has no UUID of its own but a name that is unique at its owner, who has one."""
    return encode(salt, object_type, str(uuid5(UUID(owner), name)))


def decode(salt: str, object_type: str, hash_id: str) -> UUID:
    """Raises ValueError for what `encode` did not make with this salt for this type."""
    parts = _alphabet_of(salt, object_type).decode(hash_id)
    number = sum(part << _PART_BITS * place for place, part in enumerate(parts))
    if len(parts) != _PARTS or max(parts) > _PART or number >= 1 << 128:
        raise ValueError("This is no id of that type.")
    identifier = UUID(int=number)
    if encode(salt, object_type, str(identifier)) != hash_id:
        raise ValueError("This is no id of that type.")
    return identifier


@lru_cache(maxsize=2000)
def _alphabet_of(salt: str, object_type: str) -> Sqids:
    """No list of words to avoid: a list that grows with the library would change ids that partners have stored."""
    if not salt:
        raise ValueError("The organization's salt is missing.")
    letters = string.ascii_lowercase + string.ascii_uppercase + string.digits
    shuffled = sorted(letters, key=lambda letter: _weight(salt, object_type, letter))
    return Sqids(alphabet="".join(shuffled), blocklist=[])


def _weight(salt: str, object_type: str, letter: str) -> bytes:
    return hmac.digest(salt.encode(), f"{object_type}:{letter}".encode(), hashlib.sha256)
