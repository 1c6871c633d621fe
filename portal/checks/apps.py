from django.apps import AppConfig


class ChecksConfig(AppConfig):
    name = "portal.checks"
    label = "checks"

    def ready(self) -> None:
        from portal.checks import connectivity, database, redis, retention, scheduling  # noqa: F401 - importing registers them
