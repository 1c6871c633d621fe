"""Lists page by cursor, newest first. A cursor is the id after which the next page starts: ids sort by time."""

from __future__ import annotations

import base64
import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
NO_CURSOR = "This is not a cursor that a list answered with."


def encode(direction: str, key: UUID) -> str:
    """An opaque cursor: `n` after this id (older), `p` before it (newer)."""
    return base64.urlsafe_b64encode(direction.encode() + key.bytes).rstrip(b"=").decode()


def decode(cursor: str) -> tuple[str, UUID]:
    """Direction and id of a cursor. Raises ValidationError on anything `encode` did not make."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        direction, key = raw[:1].decode(), UUID(bytes=raw[1:])
    except ValueError:
        raise ValidationError({"cursor": NO_CURSOR}) from None
    if direction not in {"n", "p"} or encode(direction, key) != cursor:
        raise ValidationError({"cursor": NO_CURSOR})
    return direction, key


def limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValidationError({"limit": f"A whole number from 1 to {MAX_LIMIT} is expected."})
    return int(text)


class NewestFirst(BasePagination):
    """`{"next", "previous", "results"}`, ordered by id from the newest; `?limit=` up to 200."""

    key = "id"

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.request = request
        self.limit = limit_of(request)
        self.direction, self.start = "n", None
        if cursor := request.query_params.get("cursor"):
            self.direction, self.start = decode(cursor)
        rows = self.fetch(queryset)
        self.more = len(rows) > self.limit
        rows = rows[: self.limit]
        self.rows = rows if self.direction == "n" else rows[::-1]
        return self.rows

    def fetch(self, queryset: QuerySet[Any]) -> list[Any]:
        """Up to limit + 1 rows from the start on, in the cursor's direction."""
        if self.start is not None:
            bound = "lt" if self.direction == "n" else "gt"
            queryset = queryset.filter(**{f"{self.key}__{bound}": self.start})
        order = f"-{self.key}" if self.direction == "n" else self.key
        return list(queryset.order_by(order)[: self.limit + 1])

    def key_of(self, row: Any) -> UUID:
        value: UUID = getattr(row, self.key)
        return value

    def link(self, direction: str, row: Any) -> str:
        query = self.request.query_params.copy()
        query["cursor"] = encode(direction, self.key_of(row))
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def get_paginated_response(self, data: Any) -> Response:
        forward = self.direction == "n"
        has_next = self.more if forward else self.start is not None
        has_previous = self.start is not None if forward else self.more
        return Response(
            {
                "next": self.link("n", self.rows[-1]) if self.rows and has_next else None,
                "previous": self.link("p", self.rows[0]) if self.rows and has_previous else None,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        url = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": url, "previous": url, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": f"Rows per page, up to {MAX_LIMIT}.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Taken from the `next` or `previous` link of a page.",
                "schema": {"type": "string"},
            },
        ]
