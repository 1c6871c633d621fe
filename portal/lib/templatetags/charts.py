"""`{% sparkbars %}` and `{% daychart %}`: the charts of `portal.lib.charts`, for templates."""

from __future__ import annotations

from django import template

from portal.lib import charts

register = template.Library()
register.simple_tag(charts.sparkbars)
register.simple_tag(charts.daychart)
