"""Pages: notices, the last ones first, and the channels they go out by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors import channels
from connectors.models import Connector
from connectors.notice_models import ChannelKind, Notice, NoticeChannel
from connectors.notices import RECOVERED, TITLES, connector_of
from portal.lib import clock, fragments
from portal.tenants.access import MANAGE, get_or_404
from portal.tenants.pages import member_page

ON_A_PAGE = 50


class ChannelForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=ChannelKind.choices)
    address = forms.CharField(
        label="E-mail address, or URL of the incoming webhook",
        max_length=2048,
        help_text="A webhook's URL is stored encrypted and not shown again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notice on the page; `connector` is set while there is one to look at."""

    row: Notice
    connector: UUID | None

    @property
    def title(self) -> str:
        return TITLES.get(self.row.kind, "Notice")

    @property
    def bad(self) -> bool:
        return self.row.kind != RECOVERED


@require_GET
@member_page()
def notice_list(request: HttpRequest) -> HttpResponse:
    rows = Notice.objects.order_by("-last_at", "-id").prefetch_related("messages__channel")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    about = {row.id: connector_of(row.about) for row in page}
    found = set(Connector.objects.filter(id__in=filter(None, about.values())).values_list("id", flat=True))
    shown = [Shown(row=row, connector=about[row.id] if about[row.id] in found else None) for row in page]
    return render(request, "connectors/notices.html", {"shown": shown, "page": page, "channels": _channels()})


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_channel(request: HttpRequest) -> HttpResponse:
    form = ChannelForm(request.POST or None)
    if form.is_valid():
        try:
            channel = channels.add(**form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"Notices go to {channel.shown}, too. Send a test to see that they arrive.")
            return redirect("notices")
    return render(request, "connectors/channel_form.html", {"form": form})


@require_POST
@member_page(MANAGE)
def test_channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Send a test now, and show beside the channel what came of it."""
    channel = get_or_404(NoticeChannel, pk=channel_id)
    if not channels.may_be_tested(channel, clock.now()):
        return fragments.refused("It was tested a moment ago: wait for ten seconds.")
    context: dict[str, Any] = {"channel": channel, "tested": True, "error": channels.test(channel)}
    return render(request, "connectors/_channel.html", context)


@require_POST
@member_page(MANAGE)
def remove_channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    channel = get_or_404(NoticeChannel, pk=channel_id)
    channel.delete()
    messages.success(request, f"Notices do not go to {channel.shown} any more.")
    return redirect("notices")


def _channels() -> list[NoticeChannel]:
    return list(NoticeChannel.objects.order_by("created_at", "id"))
