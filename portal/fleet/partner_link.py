"""The link by which a partner sends people here to make a contract, and the way back to the partner.

`?companyId=…&redirectUri=…&sessionId=…`, as B1 of the requirements describes it. Back goes `gatewayId`,
`contractStatus` and the same `sessionId`, which tells the partner whose visit this was.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.http import QueryDict

from portal.fleet.models import Contract
from portal.tenants import scope
from portal.tenants.models import Company

LONGEST_SESSION = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLink:
    """A link that was checked: `redirect_uri` is one of those that the organization allows this company."""

    company: Company
    redirect_uri: str
    session_id: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    def back(self, contract: Contract) -> str:
        told = {
            "gatewayId": str(contract.gateway_id),
            "contractStatus": str(contract.state),
            "sessionId": self.session_id,
        }
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(told)}"


def read(query: QueryDict) -> PartnerLink | None:
    """None for any link that is not wholly as it must be: nobody is ever sent anywhere by such a one."""
    company_id, redirect_uri, session_id = (_one(query, name) for name in ("companyId", "redirectUri", "sessionId"))
    if not company_id or not redirect_uri or not session_id:
        return None
    if len(session_id) > LONGEST_SESSION or not session_id.isprintable():
        return None
    try:
        wanted = UUID(company_id)
    except ValueError:
        return None
    with scope.every_organization():  # the link names no organization: the company's is the one
        company = Company.objects.select_related("organization").filter(id=wanted).first()
    if company is None or redirect_uri not in company.redirect_uris:
        return None
    return PartnerLink(company=company, redirect_uri=redirect_uri, session_id=session_id)


def _one(query: QueryDict, name: str) -> str | None:
    """A parameter that is there twice is none: who reads the first and who reads the last would differ."""
    values = query.getlist(name)
    return values[0] if len(values) == 1 else None
