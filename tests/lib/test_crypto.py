from __future__ import annotations

import traceback
from typing import Any

import pytest
from cryptography.fernet import Fernet

from portal.lib import crypto
from portal.lib.crypto import SecretUnreadable, reseal, seal, unseal

SECRET = 'hunter2-ÄÖ\n"quoted"'
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def old_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]


def told(error: BaseException) -> str:
    """All that a log or an error tracker would show of an error: its text, its causes, and their attributes."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None:
        chain.append(step)
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return "".join(traceback.format_exception(error)) + "".join(f"{one!r} {vars(one)}" for one in chain)


def test_what_is_sealed_comes_back_and_cannot_be_read() -> None:
    sealed = seal(SECRET, bound_to="connector:1")
    assert unseal(sealed, bound_to="connector:1") == SECRET
    assert "hunter2" not in sealed
    assert seal(SECRET, bound_to="connector:1") != sealed


def test_a_value_moved_to_another_row_is_refused() -> None:
    sealed = seal(SECRET, bound_to="connector:1")
    with pytest.raises(SecretUnreadable, match="belongs to another row") as refused:
        unseal(sealed, bound_to="connector:2")
    assert "hunter2" not in told(refused.value)


def test_a_changed_value_is_refused() -> None:
    sealed = seal(SECRET, bound_to="connector:1")
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    for bad in (changed, sealed[:-4], "", "no token"):
        with pytest.raises(SecretUnreadable, match="connector:1"):
            unseal(bad, bound_to="connector:1")


@pytest.mark.parametrize("inner", ["hunter2", '"hunter2"', '["hunter2"]', '["a", "b", "hunter2"]'])
def test_what_another_program_encrypted_is_refused_without_showing_it(inner: str) -> None:
    foreign = Fernet(OLD).encrypt(inner.encode()).decode()
    with pytest.raises(SecretUnreadable) as refused:
        unseal(foreign, bound_to="connector:1")
    assert "hunter2" not in told(refused.value)


def test_a_key_is_replaced_in_three_steps(settings: Any) -> None:
    sealed = seal(SECRET, bound_to="connector:1")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert unseal(sealed, bound_to="connector:1") == SECRET
    again = reseal(sealed)
    fresh = seal(SECRET, bound_to="connector:1")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert unseal(again, bound_to="connector:1") == unseal(fresh, bound_to="connector:1") == SECRET
    for action in (lambda: unseal(sealed, bound_to="connector:1"), lambda: reseal(sealed)):
        with pytest.raises(SecretUnreadable, match="key that is not configured"):
            action()


def test_the_newest_key_seals(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    sealed = seal(SECRET, bound_to="connector:1")
    assert Fernet(NEW).decrypt(sealed.encode())
    assert crypto.unseal(sealed, bound_to="connector:1") == SECRET
