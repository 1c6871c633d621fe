"""`manage.py compile_templates`: a template that does not compile is found before a page is asked for."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

PROJECT_APPS = ("portal", "connectors", "triggers")


class Command(BaseCommand):
    help = "Compile every template of the project and name each that fails."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        names = sorted(_names())
        failures = [failure for name in names if (failure := _failure(name))]
        if failures:
            raise CommandError("\n".join(failures))
        self.stdout.write(f"{len(names)} templates compile")


def _names() -> set[str]:
    base: Path = settings.BASE_DIR
    roots = [base / "templates", *(path for app in PROJECT_APPS for path in (base / app).rglob("templates"))]
    return {str(path.relative_to(root)) for root in roots for path in root.rglob("*") if path.is_file()}


def _failure(name: str) -> str | None:
    try:
        get_template(name)
    except (TemplateSyntaxError, TemplateDoesNotExist, UnicodeDecodeError) as error:
        return f"{name}: {error}"
    return None
