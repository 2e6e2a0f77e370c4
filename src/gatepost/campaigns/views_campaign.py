"""Pages: one campaign, while it is sent and afterwards; its recipients, and what each of them got."""

from math import ceil
from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gatepost.campaigns import acts, history, services, watching
from gatepost.campaigns.export import lines_of
from gatepost.campaigns.forms import PRIORITIES, RecipientsForm
from gatepost.campaigns.models import Campaign
from gatepost.campaigns.views_compose import find, number_of
from gatepost.campaigns.words import CampaignWord, word_of
from gatepost.channels.base import CHANNELS, REASONS, Reason
from gatepost.links import services as links
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.sms.states import State
from gatepost.workspaces.permissions import Right

Status = Campaign.Status
TONES: Final = {
    CampaignWord.NEW: "calm",
    CampaignWord.PROCESSING: "busy",
    CampaignWord.SENT: "good",
    CampaignWord.WITH_ERROR: "bad",
    CampaignWord.CANCELLED: "calm",
    CampaignWord.REMOVED: "calm",
}
POLL_S: Final = {Status.UNDO: 2, Status.SCHEDULED: 15, Status.EXPANDING: 1, Status.SENDING: 2, Status.PAUSED: 5}
OPEN_S: Final = 5
"""While reports of one that has ended still come in."""
STATUS_WORDS: Final = {
    Status.DRAFT: "A draft: nobody has been written to.",
    Status.UNDO: "About to be sent.",
    Status.SCHEDULED: "Waits for its time.",
    Status.EXPANDING: "The messages are being made; the first are on their way already.",
    Status.SENDING: "The messages are on their way.",
    Status.PAUSED: "Paused: nothing leaves until it is resumed.",
    Status.SENT: "Every message was handed over or has ended.",
    Status.CANCELLED: "Cancelled: what waited was not sent.",
}


@page("campaigns/<int:campaign>/", "campaign", Right.CAMPAIGNS_READ)
@require_safe
def show(request: PageRequest, campaign: int) -> HttpResponse:
    """How it stands, and who got it."""
    row = find(request, campaign)
    form = _form(request, row)
    after = number_of(request.GET.get("cursor", "")) or 0
    rows, last = history.recipients(row, **form.wanted(), after=after)
    context = _live(request, row, watching.look(row)) | {
        "form": form,
        "rows": rows,
        "next_cursor": last,
        "is_later": bool(after),
        "has_recipients": row.recipients.exists(),
        "several_channels": len(row.channels) > 1,
        "gateway": row.workspace.gateways.filter(pk=number_of(row.gateway) or 0).first() or row.gateway,
        "priority": dict(PRIORITIES).get(row.priority, row.priority),
        "may_remove": acts.may_remove(row),
        "link_uses": links.uses(row.workspace, row.pk) if row.shorten else (),
        "questions": acts.questions(row),
    }
    return render(request, "campaigns/campaign.html", context)


@page("campaigns/<int:campaign>/live/", "campaign-live", Right.CAMPAIGNS_READ)
@require_safe
def live(request: PageRequest, campaign: int) -> HttpResponse:
    """How it stands now, for the page that watches; 204 while nothing is new.

    The list of recipients hears of `moved`.
    """
    row = find(request, campaign)
    context = _live(request, row, watching.look(row))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    answer = render(request, "campaigns/live.html", context)
    if request.GET.get("seen", "").partition("-")[0] != row.status:
        answer["HX-Trigger"] = "moved"
    return answer


@page("campaigns/<int:campaign>/act/", "campaign-act", Right.CAMPAIGNS_WRITE)
@require_POST
def act(request: PageRequest, campaign: int) -> HttpResponse:
    """Take back, pause, resume, cancel, send again, remove."""
    row = find(request, campaign)
    wanted = acts.ALL.get(request.POST.get("do", ""))
    if wanted is None:
        raise Problem("bad_request", "There is no such button.")
    try:
        row = acts.do(row, wanted, user=request.asker.user, actor=request.asker.actor)
        notices.success(request, wanted.done)
    except Problem as problem:
        notices.warning(request, f"{problem.detail} {problem.remedy}")
    if wanted is acts.REMOVE:
        return redirect("history", workspace=request.asker.workspace.pk)
    name = "campaign-compose" if row.is_draft else "campaign"
    return redirect(name, workspace=request.asker.workspace.pk, campaign=row.pk)


@page("campaigns/<int:campaign>/copy/", "campaign-copy", Right.CAMPAIGNS_WRITE)
@require_POST
def copy(request: PageRequest, campaign: int) -> HttpResponse:
    """A new draft that says the same."""
    made = services.copy(find(request, campaign), user=request.asker.user, actor=request.asker.actor)
    notices.success(request, "This is a copy. Nothing of it has been sent.")
    return redirect("campaign-compose", workspace=request.asker.workspace.pk, campaign=made.pk)


@page("campaigns/<int:campaign>/recipients/<int:recipient>/", "campaign-recipient", Right.CAMPAIGNS_READ)
@require_safe
def one_recipient(request: PageRequest, campaign: int, recipient: int) -> HttpResponse:
    """The message as it was for this person, and what became of it."""
    row = find(request, campaign)
    lines, _ = history.recipients(row, after=min(recipient, 2**63 - 1) - 1, limit=1)
    if not lines or lines[0].recipient.pk != recipient:
        raise Problem("not_found", "The campaign has no such recipient.")
    return render(request, "campaigns/recipient.html", _recipient(row, lines[0]))


@page("campaigns/<int:campaign>/export.csv", "campaign-export", Right.CAMPAIGNS_READ)
@require_safe
def export(request: PageRequest, campaign: int) -> StreamingHttpResponse:
    """The recipients that the page shows, with what became of their messages, as a table for a spreadsheet."""
    row = find(request, campaign)
    answer = StreamingHttpResponse(
        lines_of(row, **_form(request, row).wanted()), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="campaign-{row.pk}.csv"'
    return answer


def _form(request: PageRequest, row: Campaign) -> RecipientsForm:
    return RecipientsForm([(one["reason"], one["words"]) for one in _excluded(row)], request.GET)


def _recipient(row: Campaign, line: history.Line) -> dict[str, Any]:
    return {"campaign": row, "row": line, "channel": CHANNELS[line.recipient.channel].label}


def _live(request: PageRequest, row: Campaign, progress: watching.Progress) -> dict[str, Any]:
    left = (row.starts_at - timezone.now()).total_seconds() if row.starts_at else 0.0
    counts = (progress.states.get(state, 0) for state in State)
    shown = (progress.done, progress.total, progress.excluded, *counts, round(progress.rate, 1))
    return {
        "campaign": row,
        "word": word_of(row),
        "tone": TONES[word_of(row)],
        "words": STATUS_WORDS[Status(row.status)],
        "progress": progress,
        "excluded": _excluded(row),
        "seconds_left": max(0, ceil(left)),
        "due_at": services.due(row),
        "acts": acts.possible(row),
        "may_send": request.asker.has(Right.CAMPAIGNS_WRITE),
        "poll_s": OPEN_S if watching.is_open(row) else POLL_S.get(Status(row.status)),
        "seen": "-".join(str(part) for part in (row.status, *shown)),
    }


def _excluded(row: Campaign) -> list[dict[str, Any]]:
    found = sorted(row.excluded.items(), key=lambda one: -one[1])
    return [{"reason": reason, "count": count, "words": REASONS[Reason(reason)]} for reason, count in found]
