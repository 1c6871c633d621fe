"""What every REST view shares and no model needs: a strict parser, strict serializers, times and numbers as written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import django_filters.rest_framework as django_filters
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from portal.lib import clock, strict_json

M = TypeVar("M", bound=models.Model)


LARGEST_BODY = 256 * 1024
"""Bytes. What is configured over REST has a few kilobytes; only readings and events come in bulk."""


LARGEST_DRAINED = 16 * 1024 * 1024
"""Bytes. Who is still sending cannot hear a refusal; of a body that is too large, this much is taken for that."""
MOST_NAMED = 10
"""Unknown fields that a refusal names."""


class TooLarge(APIException):
    """413: the body is longer than settings allow."""

    status_code = 413
    default_detail = "The body is too large."


class Compressed(UnsupportedMediaType):
    """415: the body came in an encoding of its own."""

    def __init__(self) -> None:
        super().__init__("", "The body must not be compressed.")


class StrictJSON(JSONParser):
    """JSON as `strict_json` reads it."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        if parser_context["request"].headers.get("Content-Encoding", "identity") != "identity":
            raise Compressed
        try:
            return strict_json.read(stream.read())
        except strict_json.BadJSON as error:
            raise ParseError(f"The body {error}") from None


class Moment(serializers.DateTimeField):
    """A time as the product writes them: RFC 3339, UTC, milliseconds, `Z`. Read with any offset."""

    def to_representation(self, value: Any) -> str:
        return clock.rfc3339(value)


class Number(serializers.FloatField):
    """A JSON number. Text that looks like one, NaN and infinities are refused."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, (int, float)) or not math.isfinite(data):
            self.fail("invalid")
        return float(data)


class Strict(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know: a misspelt name is an error, never lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, Mapping) else set()
        named = sorted(map(str, unknown))[:MOST_NAMED]
        errors: dict[str, Any] = {name: ["There is no such field."] for name in named}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                errors |= error.detail
            raise ValidationError(errors or error.detail) from None
        if errors:
            raise ValidationError(errors)
        return value


class StrictModel(Strict, serializers.ModelSerializer[M]):
    """Strict, over a model, with times and numbers as above."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Moment,
        models.FloatField: Number,
    }


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """Base of each list's filters. They are declared one by one: by model fields, their making would need a scope."""


@extend_schema_field({"type": "string", "format": "uuid"})
class Reference(serializers.PrimaryKeyRelatedField[Any]):
    """An object named by its id. Another tenant's object and one that never was get the same answer.

    The manager reads the scope when a request asks, so the field names the model, not a queryset.
    """

    def __init__(self, model: type[models.Model], **options: Any) -> None:
        self.model = model
        super().__init__(**options)

    def get_queryset(self) -> models.QuerySet[Any]:
        return self.model._default_manager.all()

    def to_internal_value(self, data: Any) -> Any:
        try:
            return self.get_queryset().get(pk=UUID(data))
        except (ObjectDoesNotExist, ValueError, AttributeError, TypeError):
            name = self.model._meta.verbose_name
            raise ValidationError(f"There is no such {name}.") from None


def refuse_unknown_parameters(request: Request, known: Iterable[str]) -> None:
    """Raises ValidationError that names each query parameter the call does not have."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "There is no such query parameter."))


def refuse_large_body(request: Request, limit: int) -> None:
    """Raises TooLarge by the announced length; nothing of the body is kept."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > limit:
        drain(request._request)
        raise TooLarge(f"The body is larger than {limit} bytes.")


def drain(request: HttpRequest) -> None:
    """Take what a caller is still sending, and forget it: a connection that is closed before looks like a fault."""
    left = LARGEST_DRAINED
    while left > 0 and (chunk := request.read(64 * 1024)):
        left -= len(chunk)
