"""Contracts: made, changed and ended in one place, each change with its event, in one transaction.

A gateway has at most one contract that is pending or active. An active one is what pairs the gateway with the company
and grants access; while one is pending the gateway is as it was, and when one ends the gateway leaves the company.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from portal.fleet import happenings, pairing
from portal.fleet.contract_flow import Action, Who, actor, next_state
from portal.fleet.models import OPEN_STATES, Contract, ContractState, Gateway
from portal.tenants.access import Access
from portal.tenants.models import Company, Organization


class AlreadyOpen(Exception):
    """The gateway has a contract with this company that is pending or active."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        super().__init__(f"The gateway has a contract with this company already; it is {contract.state}.")


def parts_of(access: Access) -> tuple[Who, ...]:
    """A company's key is the partner. The organization stands in for the end user, and for a partner that asks it to;
    the audit trail names who it was."""
    return (Who.PARTNER,) if access.company_id is not None else (Who.PARTNER, Who.END_USER)


def open_for(gateway_id: UUID) -> Contract | None:
    """The gateway's contract that is pending or active, of those that the caller may see."""
    return Contract.objects.filter(gateway_id=gateway_id, state__in=OPEN_STATES).first()


@transaction.atomic
def make(gateway: Gateway, company: Company, who: Who, now: datetime) -> Contract:
    """A new contract; one with another company is closed first, as the end user gives the gateway to one partner.

    Raises AlreadyOpen.
    """
    gateway = _free_for(gateway, company, now)
    contract = Contract(gateway=gateway, company=company, created_at=now, state="")
    _move(contract, gateway, Action.CREATE, who, now)
    if Organization.objects.filter(id=gateway.organization_id, auto_accept_contracts=True).exists():
        _move(contract, gateway, Action.ACCEPT, Who.PLATFORM, now)
    return contract


@transaction.atomic
def change(contract: Contract, action: Action, parts: Collection[Who], now: datetime) -> Contract:
    """The contract after it; `parts` are those that the caller may act in.

    Raises contract_flow.Impossible, judged by the contract's state now: of two calls at once, one is first.
    """
    gateway = _lock(contract.gateway_id, contract.organization_id)
    current = Contract.objects.select_related("company").get(id=contract.id)
    _move(current, gateway, action, actor(ContractState(current.state), action, parts), now)
    return current


@transaction.atomic
def pair_by_hand(gateway: Gateway, company: Company, access_granted: bool | None, now: datetime) -> Gateway:
    """Pair without a contract; one with another company ends by that. Raises AlreadyOpen: a contract decides itself."""
    gateway = _free_for(gateway, company, now)
    return pairing.pair(gateway, company, access_granted)


@transaction.atomic
def unpair(gateway: Gateway, now: datetime) -> Gateway:
    """The gateway leaves its company, and a contract that is pending or active ends by that."""
    gateway = _lock(gateway.id, gateway.organization_id)
    close_open(gateway, now)
    return pairing.unpair(gateway)


def close_open(gateway: Gateway, now: datetime) -> None:
    """Close the gateway's contract if one is pending or active; the caller holds the gateway, or removes it."""
    contract = open_for(gateway.id)
    if contract is not None:
        _move(contract, gateway, Action.CLOSE, Who.END_USER, now)


def _free_for(gateway: Gateway, company: Company, now: datetime) -> Gateway:
    """The gateway, locked, its contract with another company closed. Raises AlreadyOpen: it has one with this one."""
    gateway = _lock(gateway.id, gateway.organization_id)
    before = open_for(gateway.id)
    if before is not None and before.company_id == company.id:
        raise AlreadyOpen(before)
    if before is not None:
        _move(before, gateway, Action.CLOSE, Who.END_USER, now)
    return gateway


def _lock(gateway_id: UUID, organization_id: UUID) -> Gateway:
    """Every change of a gateway's contracts waits here for the one before. A partner does not see a gateway that is
    not paired with it, so this looks past the manager that narrows to a company."""
    rows = Gateway._base_manager.select_for_update(no_key=True)
    return rows.get(id=gateway_id, organization_id=organization_id)


def _move(contract: Contract, gateway: Gateway, action: Action, who: Who, now: datetime) -> None:
    previous = ContractState(contract.state) if contract.state else None
    contract.state = next_state(previous, action, who)
    contract.initiator, contract.changed_at = who, now
    contract.save()
    happenings.contract_changed(contract, previous, now)
    if contract.state == ContractState.ACTIVE:
        pairing.pair(gateway, contract.company, True)
    elif previous in OPEN_STATES and gateway.company_id == contract.company_id:
        pairing.unpair(gateway)
