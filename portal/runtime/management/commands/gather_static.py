"""`manage.py gather_static`: `collectstatic` for a start that somebody waits for."""

from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic
from whitenoise.compress import Compressor  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class GzipOnly(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Brotli at its highest level takes 50 s of CPU for these files, gzip 3 s; the pages are read nearby."""

    def create_compressor(self, **options: Any) -> Compressor:
        return Compressor(use_brotli=False, **options)


class Command(collectstatic.Command):
    help = "Hash and compress the static files into STATIC_ROOT, which is emptied first."
    requires_system_checks = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.storage = GzipOnly()

    def handle(self, **options: Any) -> str | None:
        # Two packages bring the same file; which one is taken does not matter.
        return super().handle(**{**options, "interactive": False, "clear": True, "verbosity": 0})
