"""One-time codes: the proof, without an account, that a person was given the right to open a contract for one gateway.

The organization makes a code and hands it to the person on site. At most one code per gateway works: a newer one takes
the place of the one before.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from portal.fleet.models import Gateway, PairingCode

LIFE: Final = timedelta(minutes=15)
MOST_WRONG: Final = 5
"""Tries after which a code is dead. With 50 random bits, five tries are nothing."""
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the letters and digits that people confuse: 0 and O, 1 and I."""
LENGTH: Final = 10


def issue(gateway: Gateway, now: datetime) -> tuple[str, datetime]:
    """A new code in two groups, as people read it out, and when it expires. It is seen here and never again."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    fields = {"digest": _digest(gateway.id, code), "expires_at": now + LIFE, "wrong_tries": 0}
    PairingCode.objects.update_or_create(gateway=gateway, defaults=fields)
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}", now + LIFE


@transaction.atomic
def spend(serial_number: str, typed: str, now: datetime) -> Gateway | None:
    """The gateway of the current organization that this code is for; the code is used up by that.

    None, and one try less, for everything else: who guesses learns neither which serial numbers there are nor why.
    """
    rows = PairingCode.objects.select_for_update(of=("self",)).select_related("gateway")
    found = rows.filter(gateway__serial_number=serial_number.strip()).first()
    if found is None:
        return None
    if found.expires_at <= now or found.wrong_tries >= MOST_WRONG:
        return None
    code = typed.upper().replace("-", "").replace(" ", "")
    if not constant_time_compare(found.digest, _digest(found.gateway_id, code)):
        found.wrong_tries += 1
        found.save(update_fields=["wrong_tries"])
        return None
    found.delete()
    return found.gateway


def _digest(gateway_id: UUID, code: str) -> str:
    """Keyed, because a code is short: who has only the database cannot try them all."""
    return salted_hmac("portal.fleet.pairing_codes", f"{gateway_id}:{code}", algorithm="sha256").hexdigest()
