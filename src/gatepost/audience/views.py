"""Pages: the contacts of the workspace, what is done to many of them, and their export."""

from typing import Any

from django.contrib import messages as notices
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gatepost.audience import contacts, segments, views_contact, views_import, views_registers
from gatepost.audience.export import lines
from gatepost.audience.filters import parse_filter, to_q
from gatepost.audience.forms import ContactsForm
from gatepost.audience.models import Contact, Label
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.pages.access import PageRequest, page, path_of_ours
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.rest.storable import as_id
from gatepost.workspaces.permissions import Right

__all__ = ["views_contact", "views_import", "views_registers"]

PER_PAGE = 50
ACTIONS = ("label", "unlabel", "delete")


@page("contacts/", "contacts", Right.CONTACTS_READ)
@require_safe
def show_contacts(request: PageRequest) -> HttpResponse:
    """The contacts that fit, newest first, and how many they are."""
    workspace = request.asker.workspace
    vocabulary = load(workspace)
    form, found, trouble = _chosen(request, vocabulary, request.GET)
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    shown = page_of(found, asked)
    context = {
        "form": form,
        "rows": _lines(shown.items, vocabulary),
        "count": found.count(),
        "trouble": trouble,
        "next_cursor": shown.next_cursor,
        "is_later": bool(asked.cursor),
        "is_filtered": form.is_asking,
        "is_new": not shown.items and not contacts.own(workspace).exists(),
        "labels": Label.objects.filter(workspace=workspace).order_by("kind", "name"),
        "may_write": request.asker.has(Right.CONTACTS_WRITE),
    }
    return render(request, "audience/contacts.html", context)


@page("contacts/count/", "contacts-count", Right.CONTACTS_READ)
@require_safe
def count_contacts(request: PageRequest) -> HttpResponse:
    """How many fit what is being chosen, while it is being chosen."""
    vocabulary = load(request.asker.workspace)
    _, found, trouble = _chosen(request, vocabulary, request.GET)
    return render(request, "audience/count.html", {"count": found.count(), "trouble": trouble})


@page("contacts/export.csv", "contacts-export", Right.CONTACTS_READ)
@require_safe
def export(request: PageRequest) -> StreamingHttpResponse:
    """Everybody who fits, as a table for a spreadsheet."""
    vocabulary = load(request.asker.workspace)
    _, found, _ = _chosen(request, vocabulary, request.GET)
    answer = StreamingHttpResponse(lines(found, vocabulary), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="contacts.csv"'
    return answer


@page("contacts/actions/", "contacts-actions", Right.CONTACTS_WRITE)
@require_POST
def act(request: PageRequest) -> HttpResponse:
    """Put many on a list, take them from it, or delete them: asked first, then done, to as many as was asked for."""
    workspace = request.asker.workspace
    back = _back(request)
    action = request.POST.get("action", "")
    try:
        found = _meant(request)
    except Problem as problem:
        notices.warning(request, f"{problem.detail} {problem.remedy}")
        return redirect(back)
    count = found.count()
    if action not in ACTIONS or not count:
        notices.warning(request, "Choose contacts first, by the boxes at the left, or all that fit.")
        return redirect(back)
    label = None
    if action != "delete":
        label = Label.objects.filter(workspace=workspace, pk=as_id(request.POST.get("label", "")) or 0).first()
        if label is None:
            notices.warning(request, "Choose a list or tag first.")
            return redirect(back)
    confirmed = request.POST.get("confirmed", "")
    if confirmed != str(count):
        said = {name: value for name, value in request.POST.items() if name not in ("csrfmiddlewaretoken", "id")}
        asked = {
            "action": action,
            "label": label,
            "count": count,
            "back": back,
            "said": {**said, "confirmed": str(count)},
            "ids": request.POST.getlist("id"),
            "has_changed": bool(confirmed),
        }
        return render(request, "audience/question.html", asked)
    if label is None:
        gone = contacts.delete(found, workspace, actor=request.asker.actor)
        notices.success(request, f"{gone} deleted.")
    else:
        changed = contacts.label(found, label, is_on=action == "label", actor=request.asker.actor)
        notices.success(request, f"{changed} {'put on' if action == 'label' else 'taken from'} {label}.")
    return redirect(back)


@page("segments/save/", "segment-save", Right.CONTACTS_WRITE)
@require_POST
def save_segment(request: PageRequest) -> HttpResponse:
    """Keep what the list is filtered by under a name."""
    asker = request.asker
    form = ContactsForm(load(asker.workspace), request.POST)
    try:
        filter_ = form.filter()
        if form.errors:
            raise _widened()
        row = segments.save(asker.workspace, request.POST.get("name", ""), filter_, user=asker.user, actor=asker.actor)
    except Problem as problem:
        notices.error(request, f"{problem.detail} {problem.remedy}")
        return redirect(_back(request))
    notices.success(request, f"{row} is saved. A contact is in it as long as it fits.")
    return redirect("segments", workspace=asker.workspace.pk)


def _chosen(request: PageRequest, vocabulary: Vocabulary, said: Any) -> tuple[ContactsForm, QuerySet[Contact], str]:
    """The form, who fits it, and what is wrong with the segment that was chosen."""
    workspace = request.asker.workspace
    form = ContactsForm(vocabulary, said)
    filter_ = form.filter()
    found = contacts.search(contacts.own(workspace), form.cleaned_data.get("q", ""), vocabulary.default_country)
    found = found.filter(to_q(parse_filter(vocabulary, filter_)))
    if segment := form.cleaned_data.get("segment"):
        try:
            found = found.filter(to_q(parse_filter(vocabulary, segments.find(workspace, int(segment)).filter)))
        except Problem as problem:
            return form, found.none(), f"The segment does not fit any more: {problem.detail}"
    return form, found, ""


def _meant(request: PageRequest) -> QuerySet[Contact]:
    """The chosen contacts, or all that fit the filters of the page.

    Raises Problem `invalid` where one of the filters does not fit any more: it would not restrict, and so mean more.
    """
    if request.POST.get("all") == "yes":
        form, found, trouble = _chosen(request, load(request.asker.workspace), request.POST)
        if form.errors or trouble:
            raise _widened(trouble)
        return found
    ids = [number for one in request.POST.getlist("id") if (number := as_id(one))]
    return contacts.own(request.asker.workspace).filter(pk__in=ids[:PER_PAGE])


def _widened(trouble: str = "") -> Problem:
    words = trouble or "A filter that was chosen is not there any more."
    return Problem("invalid", words, remedy="Nothing was done. Choose again.")


def _lines(rows: list[Contact], vocabulary: Vocabulary) -> list[tuple[Contact, dict[str, Any]]]:
    return list(zip(rows, contacts.as_said_each(rows, vocabulary), strict=True))


def _back(request: PageRequest) -> str:
    """Where they came from."""
    return path_of_ours(request.POST.get("back", ""), f"/w/{request.asker.workspace.pk}/contacts/")
