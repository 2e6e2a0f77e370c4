"""Pages: writing a mass sending. The campaign is a draft that is saved while it is written."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from gatepost.audience import builder, contacts, segments
from gatepost.audience.filters import matching
from gatepost.audience.models import Contact
from gatepost.audience.models import Kind as ContactKind
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.campaigns import drafting, look, people, services
from gatepost.campaigns.forms import ComposeForm, initial_of
from gatepost.campaigns.models import Campaign
from gatepost.campaigns.people import People
from gatepost.links import services as links
from gatepost.messages.preview import replaced
from gatepost.messages.snapshots import load as load_snapshot
from gatepost.pages import zones
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.pages.zones import zone_of
from gatepost.problems import Problem
from gatepost.sms.text import InvalidText
from gatepost.texts.values import placeholders
from gatepost.workspaces.permissions import Right

NEXT: Final = {"check": "campaign-check", "preview": "campaign-preview", "test": "campaign-preview"}
"""Where the buttons of the form lead once everything is saved; the others show it again."""
PLACES: Final = {"test": "#test", "hand-in": "#kept", "keep-mine": "#kept"}
"""Where on that page. At `#kept` the browser forgets its own copy, which was handed in or put above what was saved."""
WAYS_OUT: Final = {
    "no_gateway": ("catalogue", "Add a gateway", "plus"),
    "no_email_account": ("email-account-add", "Add an e-mail account", "plus"),
    "portal_closed": ("portal-settings", "Open the portal", "outside"),
}
"""Pages on which something that is missing can be had: name, button, icon."""


@dataclass(slots=True)
class _Writing:
    """What is being written: the draft where there is one yet, and what stands in the form.

    `opens_dialog`: the problem is that of the dialog for a new template.
    """

    request: PageRequest
    campaign: Campaign | None
    form: ComposeForm
    people: People
    vocabulary: Vocabulary
    problem: Problem | None = None
    opens_dialog: bool = False


@page("campaigns/new/", "campaign-new", Right.CAMPAIGNS_WRITE)
@require_safe
def new(request: PageRequest) -> HttpResponse:
    """An empty form; the first thing that is written in it makes the draft."""
    said = {name: request.GET[name] for name in ("text", "segment") if name in request.GET}
    initial = {
        "time_zone": zone_of(request).key,
        "priority": "bulk",
        "shorten": links.starts_shortened(request.asker.workspace),
        **said,
    }
    return _page(_writing(request, None, initial=initial))


@page("campaigns/<int:campaign>/compose/", "campaign-compose", Right.CAMPAIGNS_WRITE)
@require_safe
def compose(request: PageRequest, campaign: int) -> HttpResponse:
    """The draft as it was saved; what is sent already is shown on its own page."""
    row = find(request, campaign)
    if not row.is_draft:
        return redirect("campaign", workspace=request.asker.workspace.pk, campaign=row.pk)
    writing = _writing(request, row, initial=initial_of(row, zone_of(request)))
    return _page(writing)


@page("campaigns/save/", "campaign-save", Right.CAMPAIGNS_WRITE)
@require_POST
def save(request: PageRequest) -> HttpResponse:
    """Keep what is written, and do what the button says. Without a button it is the page that saves by itself."""
    writing = _posted(request)
    _keep(writing)
    if request.headers.get("HX-Request"):
        return _saved(writing)
    wanted, _, what = request.POST.get("do", "").partition(" ")
    if writing.problem is None and writing.campaign is not None and wanted in drafting.ACTS:
        try:
            said = drafting.ACTS[wanted](request, writing.campaign, what)
            if said:
                notices.success(request, said)
        except Problem as problem:
            writing.campaign.refresh_from_db()
            # The dialog has fields of the same names as the form.
            is_in_dialog = wanted == "save-template"
            _explain(writing, problem, is_beside=not is_in_dialog)
            writing.opens_dialog = is_in_dialog
    campaign, problem_of = writing.campaign, writing.problem
    if campaign is None or problem_of is not None or "f-do" in request.POST:
        return _page(writing, status=problem_of.status if problem_of else 200)
    answer = redirect(NEXT.get(wanted, "campaign-compose"), workspace=request.asker.workspace.pk, campaign=campaign.pk)
    answer["Location"] += PLACES.get(wanted, "")
    return answer


def find(request: PageRequest, campaign: int) -> Campaign:
    """A campaign of the workspace. Raises Problem `not_found`."""
    return services.find(request.asker.workspace, min(campaign, 2**63 - 1))


def number_of(text: str) -> int | None:
    """A number as people write it, if the database could hold it."""
    plain = "".join(text.split()).replace(",", "")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 19 else None


def _posted(request: PageRequest) -> _Writing:
    number = number_of(request.POST.get("campaign", ""))
    row = find(request, number) if number is not None else None
    data = request.POST.copy()
    if "replace" in data:
        with suppress(InvalidText):
            data["text"] = replaced(str(data.get("text", "")).replace("\r\n", "\n"), str(data["replace"]))
    return _writing(request, row, data=data)


def _writing(request: PageRequest, row: Campaign | None, **more: Any) -> _Writing:
    workspace = request.asker.workspace
    vocabulary = load(workspace)
    form = ComposeForm(workspace, load_snapshot(workspace.pk), kept=row, **more)
    data = more.get("data")
    meant = people.from_json(row.filter if row else {}, vocabulary) if data is None else people.read(data)
    return _Writing(request, row, form, meant, vocabulary)


def _keep(writing: _Writing) -> None:
    """Save what fits; what does not is said beside its field."""
    asker = writing.request.asker
    said = writing.form.said() | {"filter": people.to_json(writing.people, writing.vocabulary)}
    unfit = writing.form.unfit()
    try:
        if writing.campaign is None:
            writing.campaign = services.create(asker.workspace, {}, user=asker.user, actor=asker.actor)
            version = None
        else:
            version = number_of(_version(writing.request))
        writing.campaign = services.save(writing.campaign, said, version=version, partly=True, actor=asker.actor)
    except Problem as problem:
        _explain(writing, problem)
        if writing.campaign is not None:
            writing.campaign.refresh_from_db()
    if unfit and writing.problem is None:
        writing.problem = Problem("invalid", faults=unfit, remedy="Everything else is saved.")


def _version(request: PageRequest) -> str:
    """Of which version this is a change; of the newest one where it is to stand above what somebody else wrote."""
    wanted, _, newest = request.POST.get("do", "").partition(" ")
    return newest if wanted == "keep-mine" else request.POST.get("version", "")


def _explain(writing: _Writing, problem: Problem, *, is_beside: bool = True) -> None:
    writing.problem = problem
    if is_beside:
        show_problem(writing.form, problem)


def _saved(writing: _Writing) -> HttpResponse:
    """What of the page follows from what was just written."""
    answer = render(writing.request, "campaigns/saved_parts.html", _context(writing) | {"is_fragment": True})
    if writing.campaign is not None and not writing.request.POST.get("campaign"):
        answer["HX-Replace-Url"] = _url(writing.request, "campaign-compose", campaign=writing.campaign.pk)
    return answer


def _page(writing: _Writing, status: int = 200) -> HttpResponse:
    return render(writing.request, "campaigns/compose.html", _context(writing), status=status)


def _context(writing: _Writing) -> dict[str, Any]:
    request, form, campaign = writing.request, writing.form, writing.campaign
    count, trouble = _count(writing)
    problem = writing.problem
    is_changed = problem is not None and problem.code == "campaign_changed"
    kind = str(form["recipient_kind"].value() or ContactKind.CUSTOMER)
    noun = "lead" if kind == ContactKind.LEAD else "customer"
    return {
        "campaign": campaign,
        # Whoever is told that another version was saved goes on with theirs until they decide.
        "version": _version(request) if is_changed else campaign.version if campaign else "",
        "form": form,
        "asked": people.show(writing.people, writing.vocabulary),
        "builder": builder.show(writing.people.group, writing.vocabulary),
        "builder_url": _url(request, "contacts-filter"),
        "save_url": _url(request, "campaign-save"),
        "page": _url(request, "campaign-compose", campaign=campaign.pk) if campaign else _url(request, "campaign-new"),
        "count": count,
        "count_of": noun if count == 1 else f"{noun}s",
        "trouble": trouble,
        "is_filtered": bool(writing.people.usual or writing.people.group.parts or form["segment"].value()),
        "look": look.look_at(campaign, _first(campaign)) if campaign and campaign.text.strip() else None,
        "is_draft": True,
        "fields": _fields(writing.vocabulary),
        "said": request.POST,
        "opens_dialog": writing.opens_dialog,
        "templates": drafting.templates_for(request.asker.workspace, str(form["send_to"].value() or "sms")),
        "attachments": drafting.attachments_of(campaign) if campaign else [],
        "zones": zones.names(),
        "problem": problem,
        "is_changed": is_changed,
        "ways_out": _ways_out(problem) if problem else [],
    }


def _ways_out(problem: Problem) -> list[tuple[str, str, str]]:
    codes = dict.fromkeys((problem.code, *(fault.code for fault in problem.faults)))
    return [WAYS_OUT[code] for code in codes if code in WAYS_OUT]


def _count(writing: _Writing) -> tuple[int, str]:
    """How many are meant by what stands in the form, or why that cannot be said."""
    workspace = writing.request.asker.workspace
    form = writing.form
    try:
        kind = str(form["recipient_kind"].value() or ContactKind.CUSTOMER)
        found = contacts.own(workspace).filter(kind=kind) & matching(
            workspace, people.to_json(writing.people, writing.vocabulary)
        )
        if segment := str(form["segment"].value() or ""):
            found &= matching(workspace, segments.find(workspace, number_of(segment) or 0).filter)
        return found.count(), ""
    except Problem as problem:
        return 0, problem.detail


def _first(campaign: Campaign) -> Contact | None:
    try:
        return look.first(campaign)
    except Problem:
        return None


def _fields(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    return [(one.name, one.label) for one in placeholders(vocabulary).values() if not one.is_alias]


def _url(request: PageRequest, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": request.asker.workspace.pk, **parts})
