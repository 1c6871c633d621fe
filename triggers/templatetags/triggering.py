"""`{% triggers_of connector %}`: the triggers of a connector on its page, which belongs to the package below."""

from __future__ import annotations

from typing import Any

from django import template

from connectors.models import Connector
from portal.tenants.access import MANAGE
from triggers.forms import TriggerForm

register = template.Library()


@register.inclusion_tag("triggers/_of_connector.html", takes_context=True)
def triggers_of(context: dict[str, Any], connector: Connector) -> dict[str, Any]:
    """The list with its switches, and the form for another one."""
    return {
        "connector": connector,
        "triggers": list(connector.triggers.order_by("name")),
        "form": TriggerForm(connector=connector),
        "may_manage": MANAGE in context.get("may", ()),
    }
