"""The figures in every page's frame: what needs attention, and whether the delivery workers live."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def counts(request: HttpRequest) -> dict[str, Any]:
    return {}
