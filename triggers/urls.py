"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from rest_framework.routers import SimpleRouter

from portal.lib.problem import no_such_address
from triggers import aggregate_pages, fault_pages, health, intake_api, metrics, openapi, views
from triggers.aggregate_api import AggregateView, DailyAggregateView
from triggers.api import TriggerView
from triggers.fault_api import AlarmView, OccurrenceRuleView
from triggers.subscription_api import SubscriptionView

rest = SimpleRouter()
rest.register("triggers", TriggerView, "trigger")
rest.register("subscriptions", SubscriptionView, "subscription")
rest.register("occurrence-rules", OccurrenceRuleView, "occurrence-rule")
rest.register("alarms", AlarmView, "alarm")
rest.register("aggregates", AggregateView, "aggregate")
rest.register("daily-aggregates", DailyAggregateView, "daily-aggregate")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(rest.urls)),
    path("api/schema/", openapi.Schema.as_view(), name="schema"),
    path("api/docs/", openapi.Docs.as_view(), name="api-docs"),
    path("api/v1/readings/", intake_api.readings, name="readings"),
    path("api/v1/events/", intake_api.events, name="events"),
    path("api/v1/heartbeats/", intake_api.heartbeats, name="heartbeats"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    re_path("^api/", no_such_address),
    path("", views.overview, name="overview"),
    path("connectors/<uuid:connector_id>/triggers/", views.new_trigger, name="trigger-new"),
    path("aggregates/", aggregate_pages.daily_aggregates, name="aggregates"),
    path("aggregates/new/", aggregate_pages.new_aggregate, name="aggregate-new"),
    path("aggregates/<uuid:aggregate_id>/", aggregate_pages.change_aggregate, name="aggregate-change"),
    path("aggregates/<uuid:aggregate_id>/switch/", aggregate_pages.switch_aggregate, name="aggregate-switch"),
    path("aggregates/<uuid:aggregate_id>/delete/", aggregate_pages.delete_aggregate, name="aggregate-delete"),
    path("faults/", fault_pages.fault_list, name="faults"),
    path("faults/rules/new/", fault_pages.new_rule, name="rule-new"),
    path("faults/rules/<uuid:rule_id>/", fault_pages.change_rule, name="rule-change"),
    path("faults/rules/<uuid:rule_id>/delete/", fault_pages.delete_rule, name="rule-delete"),
    re_path(
        "^alarms/(?P<alarm_id>[0-9a-f-]{36})/(?P<what>acknowledge|close)/$",
        fault_pages.change_alarm,
        name="alarm-change",
    ),
    path("triggers/<uuid:trigger_id>/switch/", views.switch_trigger, name="trigger-switch"),
]
