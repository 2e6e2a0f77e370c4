"""Pages: the history of everything that was sent. Importing this declares the other pages of campaigns, too."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gatepost.campaigns import history, views_campaign, views_check, views_compose, views_prices
from gatepost.campaigns.forms import HistoryForm
from gatepost.channels.base import CHANNELS
from gatepost.pages.access import PageRequest, page
from gatepost.pages.zones import zone_of
from gatepost.workspaces.permissions import Right

__all__ = ["views_campaign", "views_check", "views_compose", "views_prices"]


@page("history/", "history", Right.CAMPAIGNS_READ)
@require_safe
def show_history(request: PageRequest) -> HttpResponse:
    """Every sending of every channel, newest first: mass sendings, and single messages as rows of one recipient."""
    workspace = request.asker.workspace
    form = HistoryForm(request.GET)
    cursor = request.GET.get("cursor", "")[:200]
    entries, next_cursor = history.page(workspace, form.wanted(zone_of(request)), cursor)
    context = {
        "form": form,
        "entries": [(entry, views_campaign.TONES[entry.word], _channel(entry)) for entry in entries],
        "next_cursor": next_cursor,
        "is_later": bool(cursor),
        "is_new": not entries and not cursor and not form.is_asking,
    }
    return render(request, "campaigns/history.html", context)


def _channel(entry: history.Entry) -> str:
    return str(entry.campaign.get_send_to_display()) if entry.campaign else CHANNELS[entry.channels[0]].label
