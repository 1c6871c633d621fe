"""The base of every REST resource: strict input, one transaction per change, repeatable POSTs, errors by field."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar, TypeVar

from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework import mixins
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from portal.lib import problem
from portal.lib.paging import NewestFirst
from portal.lib.rest import LARGEST_BODY, StrictJSON, refuse_large_body, refuse_unknown_parameters
from portal.tenants import audit, idempotency
from portal.tenants.access import Access, access_of, get_or_404
from portal.tenants.idempotency import StoredAnswer
from portal.tenants.taken import TAKEN, broken_constraint

M = TypeVar("M", bound=models.Model)

READING = frozenset({"GET", "HEAD", "OPTIONS"})
PAGING_PARAMETERS = frozenset({"limit", "cursor"})


class _RepeatError(Exception):
    """This call was answered before; it carries that answer past the handler."""

    def __init__(self, stored: StoredAnswer) -> None:
        self.stored = stored


class TenantAPIView(APIView):
    """Base of every REST view: runs the handler inside the caller's scope and audit context."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with ExitStack() as self.entered:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        access = access_of(request)
        self.entered.enter_context(access.scope())
        self.entered.enter_context(audit.acting(access.who))

    @property
    def access(self) -> Access:
        return access_of(self.request)


class TenantViewSet(TenantAPIView, GenericViewSet[M]):
    """One resource of one organization.

    A handler that changes something runs in one transaction, rolled back with every error. Those named in `sending`
    talk to a partner and get none (invariant 4). `organization_only` refuses changes by a key that is narrowed to a
    company; `taken` says by constraint which field an already used value belongs to.
    """

    model: type[M]
    related: ClassVar[tuple[str, ...]] = ()
    organization_only: ClassVar[bool] = False
    sending: ClassVar[frozenset[str]] = frozenset()
    taken: ClassVar[dict[str, str]] = {}

    parser_classes = [StrictJSON]
    metadata_class = None
    lookup_value_regex = "[^/]+"
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    def get_queryset(self) -> models.QuerySet[M]:
        return self.model._default_manager.select_related(*self.related)

    def get_object(self) -> M:
        return get_or_404(self.filter_queryset(self.get_queryset()), pk=self.kwargs["pk"])

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Outermost is the transaction of the kept answer, inside it the work's: an error undoes the work only."""
        self._key: str | None = None
        self._works = False
        with ExitStack() as self._answering:
            response = super().dispatch(request, *args, **kwargs)
            if self._key is not None:
                self._keep(self._key, response)
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_large_body(request, LARGEST_BODY)
        refuse_unknown_parameters(request, self.query_parameters())
        if request.method in READING:
            return
        if self.organization_only and self.access.company_id is not None:
            raise PermissionDenied("This needs a key of the whole organization; yours is for one company.")
        sends = self.action in self.sending
        if request.method == "POST":
            self._begin(request, sends=sends)
        if not sends:
            self.entered.enter_context(transaction.atomic())
            self._works = True

    def query_parameters(self) -> set[str]:
        if self.action != "list":
            return set()
        filters = getattr(self, "filterset_class", None)
        return {*PAGING_PARAMETERS, *(filters.base_filters if filters else ())}

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _RepeatError):
            media_type = problem.MEDIA_TYPE if exc.stored.status >= 400 else "application/json"
            return HttpResponse(exc.stored.body, status=exc.stored.status, content_type=media_type)  # type: ignore[return-value]
        if self._works:
            transaction.set_rollback(True)
        return super().handle_exception(self._by_field(exc))

    def _begin(self, request: Any, *, sends: bool) -> None:
        try:
            key = idempotency.key_of(request)
        except ValueError as error:
            raise ValidationError({idempotency.HEADER: str(error)}) from None
        if key is None:
            return
        if not sends:
            self._answering.enter_context(transaction.atomic())
        stored = idempotency.begin(self.access, key, idempotency.digest_of(request))
        if stored is not None:
            raise _RepeatError(stored)
        self._key = key

    def _keep(self, key: str, response: HttpResponseBase) -> None:
        if response.status_code >= 500 and transaction.get_connection().in_atomic_block:
            transaction.set_rollback(True)
            return
        if isinstance(response, Response):
            response.render()
        body = response.content.decode() if isinstance(response, HttpResponse) else ""
        idempotency.finish(self.access, key, response.status_code, body)

    def _by_field(self, exc: Exception) -> Exception:
        """A broken constraint as the error of its field: unique values are the database's to judge, also in a race."""
        if not isinstance(exc, IntegrityError):
            return exc
        name = broken_constraint(exc)
        if name in self.taken:
            return ValidationError({self.taken[name]: TAKEN})
        if name.endswith("_once"):
            return problem.Conflict("Such an object exists already.")
        return problem.Conflict("Something this refers to was changed or removed meanwhile.")


class ListAndGet(mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[M]):
    """Lists newest first; gets one by id."""

    pagination_class = NewestFirst


class Editable(mixins.CreateModelMixin, mixins.UpdateModelMixin, ListAndGet[M]):
    """Lists, gets, creates and patches; PUT is not part of the contract unless a resource says so."""

    http_method_names = ["get", "post", "patch", "delete", "head"]


class Removable(mixins.DestroyModelMixin, Editable[M]):
    """All that Editable does, and deletes."""
