"""Pages: one contact with what is known of it, its form, its documents."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages as notices
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.audience import contacts, documents, timeline
from gatepost.audience.api_documents import own_document
from gatepost.audience.forms import ContactForm, DocumentForm, initial_of
from gatepost.audience.models import Contact
from gatepost.audience.serving import served
from gatepost.audience.values import TITLES
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.pages import zones
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import say_saved, show_problem
from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right

LONGEST_ID = 2**63 - 1
MOST_SKIPPED = 10_000
"""So many messages of one time are paged through, as many as one request sends."""


@page("contacts/<int:contact>/", "contact", Right.CONTACTS_READ)
@require_safe
def show_contact(request: PageRequest, contact: int) -> HttpResponse:
    """The card: fields, documents, everything that was written and came back."""
    return _card(request, _find(request, contact), DocumentForm())


@page("contacts/add/", "contact-add", Right.CONTACTS_WRITE, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """A new contact."""
    vocabulary = load(request.asker.workspace)
    form = ContactForm(vocabulary, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = contacts.create(request.asker.workspace, form.said(), actor=request.asker.actor)
        except Problem as problem:
            show_problem(form, problem)
        else:
            say_saved(request, f"{made} was added.", "contact-new")
            return redirect("contact", workspace=request.asker.workspace.pk, contact=made.pk)
    return _form(request, form, vocabulary, None)


@page("contacts/<int:contact>/edit/", "contact-edit", Right.CONTACTS_WRITE, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, contact: int) -> HttpResponse:
    """Change a contact."""
    row = _find(request, contact)
    vocabulary = load(request.asker.workspace)
    said = initial_of(contacts.as_said(row, vocabulary))
    form = ContactForm(vocabulary, request.POST or None, initial=_flags(said))
    if request.method == "POST" and form.is_valid():
        try:
            contacts.change(row, form.said(), seen=_moment(request.POST.get("seen", "")), actor=request.asker.actor)
        except Problem as problem:
            show_problem(form, problem)
            if problem.code == "contact_changed":
                row = _find(request, contact)
                _show_saved(form, request.POST, _flags(initial_of(contacts.as_said(row, vocabulary))))
        else:
            notices.success(request, "Saved.")
            return redirect("contact", workspace=request.asker.workspace.pk, contact=row.pk)
    return _form(request, form, vocabulary, row)


@page("contacts/<int:contact>/delete/", "contact-delete", Right.CONTACTS_WRITE)
@require_POST
def delete(request: PageRequest, contact: int) -> HttpResponse:
    """Delete a contact with its documents; the card asks first."""
    row = _find(request, contact)
    workspace = request.asker.workspace
    contacts.delete(contacts.own(workspace).filter(pk=row.pk), workspace, actor=request.asker.actor)
    notices.success(request, f"{row} was deleted. Messages stay in the log.")
    return redirect("contacts", workspace=workspace.pk)


@page("contacts/<int:contact>/documents/", "contact-document-add", Right.CONTACTS_WRITE)
@require_POST
def add_document(request: PageRequest, contact: int) -> HttpResponse:
    """Keep a document of the contact."""
    row = _find(request, contact)
    form = DocumentForm(request.POST, request.FILES)
    if not form.is_valid():
        return _card(request, row, form)
    said = form.cleaned_data
    try:
        documents.add_document(
            row,
            kind=said["kind"],
            number=said["number"],
            day=said["date"],
            amount=said["amount"],
            currency=said["currency"],
            name=said["file"].name,
            content=said["file"].chunks(),
            actor=request.asker.actor,
        )
    except Problem as problem:
        show_problem(form, problem)
        return _card(request, row, form)
    notices.success(request, "The document was added.")
    return redirect("contact", workspace=request.asker.workspace.pk, contact=row.pk)


@page("contacts/<int:contact>/documents/<int:document>/", "contact-document", Right.CONTACTS_READ)
@require_safe
def download(request: PageRequest, contact: int, document: int) -> HttpResponse:
    """The file for keeping."""
    return served(own_document(request.asker, _bounded(contact), _bounded(document)))


@page("contacts/<int:contact>/documents/<int:document>/delete/", "contact-document-delete", Right.CONTACTS_WRITE)
@require_POST
def delete_document(request: PageRequest, contact: int, document: int) -> HttpResponse:
    """Delete a document; the card asks first."""
    row = own_document(request.asker, _bounded(contact), _bounded(document))
    documents.delete_document(row, actor=request.asker.actor)
    notices.success(request, f"{row} was deleted.")
    return redirect("contact", workspace=request.asker.workspace.pk, contact=contact)


def _find(request: PageRequest, contact: int) -> Contact:
    return contacts.find(request.asker.workspace, _bounded(contact))


def _bounded(number: int) -> int:
    return min(number, LONGEST_ID)


def _card(request: PageRequest, row: Contact, form: DocumentForm) -> HttpResponse:
    vocabulary = load(request.asker.workspace)
    said = contacts.as_said(row, vocabulary)
    own = [(one.label, said[f"custom.{key}"]) for key, one in vocabulary.custom.items()]
    place = _place(request.GET.get("cursor", ""))
    moments, older = timeline.of(row, place)
    facts = [(TITLES[name], _shown(row, name, said[name])) for name in TITLES if name not in ("full_name", "phones")]
    shown = {
        "contact": row,
        "facts": [(title, value) for title, value in (*facts, *own) if value not in (None, "", [])],
        "documents": row.documents.all(),
        "moments": moments,
        "older": older and f"{older.until.isoformat()}~{older.skipped}",
        "is_later": place is not None,
        "once": secrets.token_urlsafe(16),
        "form": form,
        "may_write": request.asker.has(Right.CONTACTS_WRITE),
        "may_send": request.asker.has(Right.MESSAGES_SEND),
        "may_read_log": request.asker.has(Right.MESSAGES_READ),
    }
    return render(request, "audience/contact.html", shown, status=422 if form.errors else 200)


def _moment(written: str) -> datetime | None:
    """A time as a page wrote it; None for what is none."""
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _show_saved(form: ContactForm, posted: QueryDict, saved: Mapping[str, Any]) -> None:
    """Beside each field, what somebody else saved meanwhile that is not what stands in it."""
    for name in form.fields:
        said, there = posted.getlist(name), saved.get(name)
        several = there if isinstance(there, list) else [str(there or "").replace("\r\n", "\n")]
        if sorted(one.replace("\r\n", "\n") for one in said if one) != sorted(one for one in several if one):
            form.add_error(name, f"Saved is: {', '.join(several).replace(chr(10), ', ') or 'nothing'}.")


def _place(written: str) -> timeline.Place | None:
    """Where a link to older messages leads; None for what is none."""
    until, _, skipped = written.partition("~")
    moment = _moment(until)
    if moment is None or not (skipped.isascii() and skipped.isdigit()):
        return None
    return timeline.Place(moment, min(int(skipped[:9]), MOST_SKIPPED))


def _shown(row: Contact, name: str, value: Any) -> Any:
    label = getattr(row, f"get_{name}_display", None)
    if label is not None:
        return label()
    return ", ".join(value) if isinstance(value, list) else value


def _flags(said: dict[str, Any]) -> dict[str, Any]:
    words = {True: "yes", False: "no"}
    return {name: words[value] if isinstance(value, bool) else value for name, value in said.items()}


def _form(request: PageRequest, form: ContactForm, vocabulary: Vocabulary, row: Contact | None) -> HttpResponse:
    known = {name: sorted(vocabulary.shown(name).values()) for name in ("location", "partner")}
    shown = {"form": form, "contact": row, "known": (*known.items(), ("time_zone", zones.names()))}
    return render(request, "audience/form.html", shown, status=422 if form.errors else 200)
