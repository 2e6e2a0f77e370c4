"""Pages: seeing a mass sending before it is sent. The preview with a test, and the confirmation."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.campaigns import look, planning, prices, running, services
from gatepost.campaigns.export import left_out_lines
from gatepost.campaigns.forms import TestForm
from gatepost.campaigns.models import Campaign, Plan
from gatepost.campaigns.views_compose import find, number_of
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right

PATIENCE_S: Final = 2
"""A plan that is ready sooner needs no bar."""
MOST_FOUND: Final = 8
WAYS: Final[Mapping[str, Callable[[Campaign], Contact | None]]] = {
    "first": look.first,
    "random": look.anybody,
    "longest": look.longest,
}
"""Whose data the preview takes, where nobody is chosen."""


@page("campaigns/<int:campaign>/preview/", "campaign-preview", Right.CAMPAIGNS_WRITE)
@require_safe
def preview(request: PageRequest, campaign: int) -> HttpResponse:
    """What one of the recipients gets: the first, any, the one with the longest message, or one that is chosen."""
    return _preview(request, find(request, campaign), TestForm())


@page("campaigns/<int:campaign>/test/", "campaign-test", Right.CAMPAIGNS_WRITE)
@require_POST
def test(request: PageRequest, campaign: int) -> HttpResponse:
    """Send what is previewed to a number or an e-mail address."""
    row = find(request, campaign)
    form = TestForm(request.POST)
    if not form.is_valid():
        return _preview(request, row, form)
    asker = request.asker
    try:
        channel = _channel_for(row, form.cleaned_data["address"])
        contact = number_of(request.POST.get("contact", ""))
        sent = running.send_test(
            row, form.cleaned_data["address"], channel=channel, contact_id=contact, user=asker.user, actor=asker.actor
        )
    except Problem as problem:
        show_problem(form, problem)
        return _preview(request, row, form)
    return _preview(request, row, TestForm(), sent={"address": form.cleaned_data["address"], "url": sent.url})


@page("campaigns/<int:campaign>/check/", "campaign-check", Right.CAMPAIGNS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: PageRequest, campaign: int) -> HttpResponse:
    """What sending would do, and the button that does it. POST works it out anew."""
    row = find(request, campaign)
    if request.method == "POST":
        planning.ask(row, anew=True)
        return redirect("campaign-check", workspace=request.asker.workspace.pk, campaign=row.pk)
    if not row.is_draft:
        return redirect("campaign", workspace=request.asker.workspace.pk, campaign=row.pk)
    return render(request, "campaigns/check.html", _plan(row))


@page("campaigns/<int:campaign>/check/live/", "campaign-check-live", Right.CAMPAIGNS_WRITE)
@require_safe
def check_live(request: PageRequest, campaign: int) -> HttpResponse:
    """How far the plan is, for the page that waits for it; 204 while nothing is new."""
    context = _plan(find(request, campaign))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "campaigns/plan.html", context)


@page("campaigns/<int:campaign>/check/left-out.csv", "campaign-left-out", Right.CAMPAIGNS_WRITE)
@require_safe
def left_out(request: PageRequest, campaign: int) -> HttpResponseBase:
    """All who would get nothing and why, as a table for a spreadsheet; of what was sent, its own page tells."""
    row = find(request, campaign)
    if not row.is_draft:
        return redirect("campaign", workspace=request.asker.workspace.pk, campaign=row.pk)
    answer = StreamingHttpResponse(left_out_lines(row), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="campaign-{row.pk}-left-out.csv"'
    return answer


@page("campaigns/<int:campaign>/send/", "campaign-send", Right.CAMPAIGNS_WRITE)
@require_POST
def send(request: PageRequest, campaign: int) -> HttpResponse:
    """Send what was confirmed: that very version of it, to as many as the sender typed where it is for everybody."""
    row = find(request, campaign)
    asker = request.asker
    count, version = (number_of(request.POST.get(name, "")) for name in ("count", "version"))
    try:
        running.send(row, count=count, version=version or 0, user=asker.user, actor=asker.actor)
    except Problem as problem:
        row = find(request, campaign)
        if not row.is_draft:
            notices.warning(request, f"{problem.detail} {problem.remedy}")
            return redirect("campaign", workspace=asker.workspace.pk, campaign=row.pk)
        return render(request, "campaigns/check.html", _plan(row) | {"problem": problem}, status=problem.status)
    return redirect("campaign", workspace=asker.workspace.pk, campaign=row.pk)


def _preview(request: PageRequest, row: Campaign, form: TestForm, **more: Any) -> HttpResponse:
    said = request.POST if request.method == "POST" else request.GET
    who = said.get("who", "first")
    problem, contact, found = None, None, []
    try:
        if number := number_of(said.get("contact", "")):
            contact, who = contacts.find(request.asker.workspace, number), "chosen"
        else:
            contact = WAYS.get(who, look.first)(row)
        if wanted := said.get("q", "").strip():
            country = request.asker.workspace.default_country
            found = list(contacts.search(services.people(row), wanted[:200], country).order_by("pk")[:MOST_FOUND])
    except Problem as caught:
        problem = caught
    context = {
        "campaign": row,
        "look": look.look_at(row, contact) if problem is None else None,
        "problem": problem,
        "who": who,
        "ways": [("first", "First"), ("random", "Any other"), ("longest", "Longest message")],
        "q": said.get("q", ""),
        "found": found,
        "form": form,
        "takes": " or ".join({"sms": "number", "email": "e-mail address", "portal": "login"}[n] for n in row.channels),
        **more,
    }
    return render(request, "campaigns/preview.html", context, status=422 if form.errors else 200)


def _channel_for(row: Campaign, address: str) -> str:
    """Of the campaign's channels the one that such an address belongs to."""
    names = row.channels
    return "email" if "email" in names and "@" in address else names[0]


def _needs_count(row: Campaign) -> bool:
    try:
        return services.is_for_everyone(row)
    except Problem:
        # Its segment is gone: it cannot be sent, which is said where it is tried.
        return False


def _plan(row: Campaign) -> dict[str, Any]:
    plan = Plan.objects.filter(campaign=row, version=row.version).first()
    forecast = planning.current(row)
    is_running = plan is not None and plan.state == Plan.State.RUNNING
    waited = (timezone.now() - plan.made_at).total_seconds() if plan else 0.0
    return {
        "campaign": row,
        "plan": plan,
        "forecast": forecast,
        "is_running": is_running,
        "shows_bar": is_running and waited > PATIENCE_S,
        "seen": f"{plan.state}-{plan.done}-{waited > PATIENCE_S}" if plan else "none",
        "takes_s": max((way.seconds or 0.0 for way in forecast.ways), default=0.0) if forecast else 0.0,
        "due_at": services.due(row),
        "listed": planning.LISTED,
        "needs_count": _needs_count(row),
        "has_prices": prices.own(row.workspace).exists(),
        "shortened_by": services.shortened_by(row),
    }
