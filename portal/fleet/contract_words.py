"""What pages say about contracts: the colour of each state, and before somebody confirms an action, what it will do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from portal.fleet.contract_flow import Action
from portal.fleet.models import Contract, ContractState

PILLS: Final[dict[str, str]] = {
    ContractState.PENDING: "waiting",
    ContractState.ACTIVE: "healthy",
    ContractState.REJECTED: "failed",
    ContractState.REVOKED: "failed",
    ContractState.CLOSED: "retrying",
    ContractState.ACKNOWLEDGED: "disabled",
}
"""Colours of the other pages by meaning: a closed contract still waits for the partner to take note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """`effects` may name {company} and {gateway}."""

    button: str
    title: str
    effects: tuple[str, ...]
    ends: bool = False


_NO_MORE: Final = "{company} gets nothing of {gateway} any more, at once. What is on its way already still arrives."
_AS_PARTNER: Final = "It counts as {company}'s own answer. The audit trail names you."

WORDS: Final[dict[Action, Words]] = {
    Action.ACCEPT: Words(
        button="Accept",
        title="Accept the contract for {company}?",
        effects=(
            "{gateway} is paired with {company}, which gets what it measures and reports from now on.",
            _AS_PARTNER,
        ),
    ),
    Action.REJECT: Words(
        button="Reject",
        title="Reject the contract for {company}?",
        effects=("{company} gets nothing of {gateway}. A new contract can be made at any time.", _AS_PARTNER),
        ends=True,
    ),
    Action.REVOKE: Words(
        button="Revoke",
        title="Revoke the contract for {company}?",
        effects=(_NO_MORE, _AS_PARTNER),
        ends=True,
    ),
    Action.CLOSE: Words(
        button="Close",
        title="Close the contract with {company}?",
        effects=(_NO_MORE, "It counts as the end user's wish. {company} is asked to take note of it."),
        ends=True,
    ),
    Action.ACKNOWLEDGE: Words(
        button="Acknowledge",
        title="Acknowledge the end for {company}?",
        effects=("The contract is over; nothing else changes.", _AS_PARTNER),
    ),
}


def asked(action: Action, contract: Contract) -> Words:
    """The words for this contract."""
    names = {"company": contract.company.name, "gateway": str(contract.gateway)}
    words = WORDS[action]
    return replace(
        words,
        title=words.title.format(**names),
        effects=tuple(effect.format(**names) for effect in words.effects),
    )
