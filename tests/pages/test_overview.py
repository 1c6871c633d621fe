from __future__ import annotations

import re
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors.models import Connector, Delivery
from portal.fleet.models import Gateway
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import Portal, ended
from tests.receiver import Receiver
from tests.world import make_connector, make_data_point, make_gateway, make_trigger


def steps(client: Client) -> list[str]:
    return re.findall(r'<li class="(done|next|)"', client.get("/").content.decode())


def test_the_first_steps_are_ticked_off_one_by_one(tenant: Tenant, owner: Client) -> None:
    Company._base_manager.all().delete()
    assert steps(owner) == ["next", "", "", "", "", ""]
    owner.post("/companies/new/", {"name": "Fjord Solar", "data_points_enabled": "on"})
    assert steps(owner) == ["done", "next", "", "", "", ""]
    with Receiver() as receiver:
        with scope.organization(tenant.organization.id):
            connector = make_connector(f"{receiver.url}/", enabled=False)
        assert steps(owner) == ["done", "done", "next", "", "", ""]
        owner.post(f"/connectors/{connector.id}/test/", headers={"HX-Request": "true"})
    assert steps(owner) == ["done", "done", "done", "next", "", ""]
    with scope.organization(tenant.organization.id):
        make_trigger(connector, "gateway/online")
        assert steps(owner)[3] == "next"  # a trigger of a connector that is off sends nothing
        Connector.objects.update(enabled=True)
        assert steps(owner) == ["done", "done", "done", "done", "next", ""]
        gateway, _ = make_gateway(), make_data_point()
        assert steps(owner)[4] == "next"  # a gateway without a company shares nothing
        Gateway.objects.filter(id=gateway.id).update(company=Company.objects.get(), access_granted=True)
        assert steps(owner) == ["done", "done", "done", "done", "done", "next"]
        ended(connector, clock.now(), status=200)
    assert steps(owner) == []


def test_without_data_there_are_no_invented_figures(owner: Client) -> None:
    text = owner.get("/").content.decode()
    assert "Success rate" not in text
    assert "daychart" not in text


def test_a_second_company_of_the_same_name_is_refused(tenant: Tenant, owner: Client) -> None:
    answer = owner.post("/companies/new/", {"name": tenant.company.name})
    assert b"Another company has this already." in answer.content
    assert Company._base_manager.count() == 1


def test_a_viewer_adds_no_company(signed_in: AsWhom) -> None:
    assert signed_in("viewer").post("/companies/new/", {"name": "Mine"}).status_code == 403
    assert not Company._base_manager.filter(name="Mine").exists()


def test_the_figures_of_the_last_day(owner: Client, portal: Portal) -> None:
    text = owner.get("/").content.decode()
    assert "Success rate" in text
    assert re.search(r"Latency p95</dt><dd class=\"num\">\d+<small>ms</small>", text)
    attention = text.split("Connectors that need attention")[1].split("</section>")[0]
    assert re.findall(r'pill (\w+)"', attention) == ["failing", "retrying"]
    failures = text.split("Last failures")[1].split("</section>")[0]
    assert failures.count('id="d-') == 2


def test_rates_of_nothing_are_no_numbers(tenant: Tenant, owner: Client) -> None:
    with scope.organization(tenant.organization.id):
        connector = make_connector("https://x.example/")
        key = ended(connector, clock.now() - timedelta(minutes=1), state="dropped", tries=0)
        Delivery.objects.filter(id=key).update(state="dropped")
    text = owner.get("/").content.decode()
    assert text.count('<dd class="num">–</dd>') == 3


def test_the_overview_costs_the_same_above_a_long_history(tenant: Tenant, owner: Client, portal: Portal) -> None:
    part = {"HX-Request": "true"}
    with CaptureQueriesContext(connection) as before:
        owner.get("/", headers=part)
    with scope.organization(tenant.organization.id):
        for minutes in range(60):
            ended(portal.connectors["Alarm desk"], clock.now() - timedelta(minutes=minutes), status=200)
    with CaptureQueriesContext(connection) as after:
        owner.get("/", headers=part)
    assert len(after) == len(before)
