"""The flow of a contract's states: every state, action and person, and every path that can be taken."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.events.catalogue.contracts import CONTRACT_STATUSES, INITIATORS
from portal.fleet.contract_flow import Action, Impossible, State, Who, actor, allowed, next_state
from portal.fleet.models import ContractState

POSSIBLE = {
    (None, "create", "end_user"): "pending",
    (None, "create", "platform"): "pending",
    ("pending", "accept", "partner"): "active",
    ("pending", "accept", "platform"): "active",
    ("pending", "reject", "partner"): "rejected",
    ("pending", "close", "end_user"): "closed",
    ("active", "revoke", "partner"): "revoked",
    ("active", "close", "end_user"): "closed",
    ("closed", "acknowledge", "partner"): "acknowledged",
}
STATES: tuple[State, ...] = (None, *ContractState)
ENDS = {"rejected", "revoked", "acknowledged"}


@pytest.mark.line(14)
@pytest.mark.parametrize(("state", "action", "who"), list(product(STATES, Action, Who)))
def test_each_change_is_the_one_published_or_impossible(state: State, action: Action, who: Who) -> None:
    expected = POSSIBLE.get((state, action, who))
    if expected is not None:
        assert next_state(state, action, who) == expected
        assert actor(state, action, [who]) is who
        return
    with pytest.raises(Impossible) as refused:
        next_state(state, action, who)
    names = [name for (before, name, by) in POSSIBLE if (before, by) == (state, who)]
    assert list(refused.value.allowed) == names
    assert all(name in str(refused.value) for name in names)
    with pytest.raises(Impossible):
        actor(state, action, [who])


@pytest.mark.line(14)
@given(st.lists(st.tuples(st.sampled_from(Action), st.sampled_from(Who))))
def test_no_path_leads_out_of_the_flow(path: list[tuple[Action, Who]]) -> None:
    """An impossible step changes nothing, and what has ended never goes on."""
    state: State = None
    for action, who in path:
        try:
            after = next_state(state, action, who)
        except Impossible:
            continue
        assert after in CONTRACT_STATUSES
        assert after != state
        assert state not in ENDS
        state = after


def test_every_state_can_be_reached_and_every_end_is_one() -> None:
    assert set(POSSIBLE.values()) == set(ContractState) == set(CONTRACT_STATUSES)
    assert {state for state in ContractState if not allowed(state, list(Who))} == ENDS
    assert {who.value for who in Who} == set(INITIATORS)
