"""Which company a gateway belongs to, and whether its data may leave."""

from __future__ import annotations

from portal.fleet import series
from portal.fleet.models import Gateway
from portal.tenants.models import Company


def pair(gateway: Gateway, company: Company, access_granted: bool | None) -> Gateway:
    """Pair with this company. Access granted to another company is not access granted to this one.

    What was sent to that one counts for nothing either: this one gets a first value of each series.
    """
    moves = gateway.company_id != company.id
    gateway.company = company
    if access_granted is not None:
        gateway.access_granted = access_granted
    elif moves:
        gateway.access_granted = False
    gateway.save(update_fields=["company", "access_granted"])
    if moves:
        series.forget_sent(gateway.id)
    return gateway


def unpair(gateway: Gateway) -> Gateway:
    """The gateway belongs to no company then, and nobody has access."""
    gateway.company = None
    gateway.access_granted = False
    gateway.save(update_fields=["company", "access_granted"])
    return gateway
