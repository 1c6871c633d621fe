"""Addresses: REST under /api/v1/, then pages."""

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from connectors.api import ConnectorView
from connectors.delivery_api import DeliveryView
from connectors.notice_api import ChannelView, NoticeView
from connectors.policy_api import RetryPolicyView
from connectors.profile_api import ProfileView
from connectors.views import configuration, connectors, deliveries, inbox, notices, ownership, policies

rest = SimpleRouter()
rest.register("connectors", ConnectorView, "connector")
rest.register("deliveries", DeliveryView, "delivery")
rest.register("profiles", ProfileView, "profile")
rest.register("retry-policies", RetryPolicyView, "retry-policy")
rest.register("notice-channels", ChannelView, "notice-channel")
rest.register("notices", NoticeView, "notice")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(rest.urls)),
    path("connectors/", connectors.connector_list, name="connectors"),
    path("connectors/new/", configuration.new_connector, name="connector-new"),
    path("connectors/<uuid:connector_id>/", connectors.connector_page, name="connector"),
    path("connectors/<uuid:connector_id>/switch/", connectors.switch, name="connector-switch"),
    path("connectors/<uuid:connector_id>/pause/", connectors.pause, name="pause-connector"),
    path("connectors/<uuid:connector_id>/resume/", connectors.resume, name="resume-connector"),
    path("connectors/<uuid:connector_id>/test/", connectors.test, name="connector-sample"),
    path("connectors/<uuid:connector_id>/change/", configuration.change_connector, name="connector-change"),
    path("connectors/<uuid:connector_id>/secret/", configuration.new_secret, name="connector-secret"),
    path("connectors/<uuid:connector_id>/delete/", configuration.delete_connector, name="connector-delete"),
    path("connectors/<uuid:connector_id>/format/", connectors.format_page, name="connector-format"),
    path("connectors/<uuid:connector_id>/verify/", connectors.verify, name="connector-verify"),
    path("ownership/<uuid:organization_id>/<uuid:connector_id>/<str:token>/", ownership.confirm, name="ownership"),
    path("connectors/policies/", policies.policy_list, name="policies"),
    path("connectors/policies/new/", policies.new_policy, name="policy-new"),
    path("connectors/policies/<uuid:policy_id>/", policies.change_policy, name="policy-change"),
    path("connectors/policies/<uuid:policy_id>/delete/", policies.delete_policy, name="policy-delete"),
    path("deliveries/", deliveries.delivery_list, name="deliveries"),
    path("deliveries/<uuid:delivery_id>/", deliveries.delivery_page, name="delivery"),
    path("deliveries/<uuid:delivery_id>/retry/", deliveries.retry_delivery, name="delivery-again"),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/channels/new/", notices.new_channel, name="channel-new"),
    path("notices/channels/<uuid:channel_id>/test/", notices.test_channel, name="channel-test"),
    path("notices/channels/<uuid:channel_id>/remove/", notices.remove_channel, name="channel-remove"),
    path("inbox/", inbox.inbox_page, name="inbox"),
    path("inbox/clear/", inbox.clear_inbox, name="inbox-clear"),
    path("inbox/<str:token>/<uuid:connector_id>/", inbox.arrive, name="inbox-arrive"),
]
