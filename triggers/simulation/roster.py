"""Which of the fleet's devices the product knows already, and how the others come to be: over REST, like anyone's.

The demo's devices are all there. For a fleet larger than that, or an empty organization, each missing gateway is
created with its appliances, paired with a company and with access granted. The key needs the scope `manage` for it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from triggers.simulation.client import Client, RefusedError
from triggers.simulation.fleet import COMPANIES, POINTS, GatewaySpec

FORBIDDEN = 403


class Roster:
    """What the product has of the fleet; `settle` adds a site that is not there yet."""

    def __init__(self, client: Client) -> None:
        self._client = client
        gateways = client.listed("gateways/")
        self._gateways: dict[str, str] = {item["serial_number"]: item["id"] for item in gateways}
        self._appliances = {(item["gateway"], item["serial_number"]) for item in client.listed("appliances/")}
        self._companies: dict[str, str] | None = None

    def has(self, spec: GatewaySpec) -> bool:
        gateway = self._gateways.get(spec.serial_number)
        return gateway is not None and all(
            (gateway, appliance.serial_number) in self._appliances for appliance in spec.appliances
        )

    def settle(self, spec: GatewaySpec) -> None:
        """Create what is missing of a site. Raises RefusedError, in words that say what the key lacks."""
        try:
            self._settle(spec)
        except RefusedError as error:
            if error.status != FORBIDDEN:
                raise
            raise RefusedError(
                f"Gateway {spec.serial_number} is not there, and this key may not create it: it needs the scope "
                f"`manage` and no company of its own. ({error})",
                error.status,
            ) from None

    def _settle(self, spec: GatewaySpec) -> None:
        companies = self._prepared()
        gateway = self._gateways.get(spec.serial_number)
        if gateway is None:
            gateway = self._create_gateway(spec, companies[COMPANIES[spec.company]])
        for appliance in spec.appliances:
            if (gateway, appliance.serial_number) not in self._appliances:
                self._client.send("POST", "appliances/", {"gateway": gateway, **appliance.fields})
                self._appliances.add((gateway, appliance.serial_number))

    def _create_gateway(self, spec: GatewaySpec, company: str) -> str:
        body = {"company": company, "access_granted": True, **_gateway(spec)}
        gateway: str = self._client.send("POST", "gateways/", body)["id"]
        self._gateways[spec.serial_number] = gateway
        return gateway

    def _prepared(self) -> dict[str, str]:
        """The companies by name; they and the data points are made before the first missing gateway."""
        if self._companies is None:
            present = {item["name"] for item in self._client.listed("data-points/")}
            for point in POINTS:
                if point.name not in present:
                    self._client.send("POST", "data-points/", asdict(point))
            companies = {item["name"]: item["id"] for item in self._client.listed("companies/")}
            for name in COMPANIES:
                if name not in companies:
                    body: dict[str, Any] = {"name": name, "data_points_enabled": True}
                    companies[name] = self._client.send("POST", "companies/", body)["id"]
            self._companies = companies
        return self._companies


def _gateway(spec: GatewaySpec) -> dict[str, str]:
    return {
        "serial_number": spec.serial_number,
        "name": spec.name,
        "model": spec.model,
        "firmware": spec.firmware,
    }
