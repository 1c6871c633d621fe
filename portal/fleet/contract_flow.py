"""The states of a contract, and who may take it from one to another. Pure, and published: docs/partners.md shows it.

The vendor whose contracts these are publishes the verbs and one state, ACTIVE; the rest is our definition.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Final, TypeAlias

from portal.fleet.models import ContractState


class Who(StrEnum):
    """Who causes a change, in the words of `contract/status`."""

    PARTNER = "partner"
    END_USER = "end_user"
    PLATFORM = "platform"


class Action(StrEnum):
    CREATE = "create"
    ACCEPT = "accept"
    REJECT = "reject"
    REVOKE = "revoke"
    CLOSE = "close"
    ACKNOWLEDGE = "acknowledge"


State: TypeAlias = ContractState | None
"""None: there is no contract yet."""

FLOW: Final[dict[tuple[State, Action], tuple[frozenset[Who], ContractState]]] = {
    (None, Action.CREATE): (frozenset({Who.END_USER, Who.PLATFORM}), ContractState.PENDING),
    # The platform accepts only where the organization has chosen that new contracts are accepted at once.
    (ContractState.PENDING, Action.ACCEPT): (frozenset({Who.PARTNER, Who.PLATFORM}), ContractState.ACTIVE),
    (ContractState.PENDING, Action.REJECT): (frozenset({Who.PARTNER}), ContractState.REJECTED),
    (ContractState.PENDING, Action.CLOSE): (frozenset({Who.END_USER}), ContractState.CLOSED),
    (ContractState.ACTIVE, Action.REVOKE): (frozenset({Who.PARTNER}), ContractState.REVOKED),
    (ContractState.ACTIVE, Action.CLOSE): (frozenset({Who.END_USER}), ContractState.CLOSED),
    (ContractState.CLOSED, Action.ACKNOWLEDGE): (frozenset({Who.PARTNER}), ContractState.ACKNOWLEDGED),
}
"""What is not listed is impossible."""


class Impossible(Exception):
    """This change is not in the flow. The text says what is possible instead."""

    def __init__(self, state: State, action: Action, who: Collection[Who]) -> None:
        self.allowed = allowed(state, who)
        there_is = "There is no contract" if state is None else f"The contract is {state.value}"
        others = ", ".join(self.allowed) or "nothing"
        super().__init__(f"{there_is}: {action.value} is not possible. Allowed: {others}.")


def allowed(state: State, who: Collection[Who]) -> tuple[Action, ...]:
    """What these may do with a contract in this state, in the order of the flow."""
    return tuple(action for (before, action), (by, _) in FLOW.items() if before == state and by & set(who))


def actor(state: State, action: Action, who: Collection[Who]) -> Who:
    """In which of these parts a caller who has several does it. Raises Impossible."""
    by, _ = FLOW.get((state, action), (frozenset[Who](), None))
    parts = sorted(by & set(who))
    if not parts:
        raise Impossible(state, action, who)
    return parts[0]


def next_state(state: State, action: Action, who: Who) -> ContractState:
    """Raises Impossible."""
    by, after = FLOW.get((state, action), (frozenset[Who](), None))
    if after is None or who not in by:
        raise Impossible(state, action, [who])
    return after
