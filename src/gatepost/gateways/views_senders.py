"""Sender IDs of the workspace: asked for, decided by the installation administrator, one of them the default."""

from collections.abc import Callable
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.gateways import access, sender_ids
from gatepost.gateways.models import SenderId
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.problems import Problem
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right

TONES: Final = {"requested": "warn", "approved": "good", "refused": "bad"}


class RequestForm(forms.Form):
    """Which sender ID, and for what."""

    sender = forms.CharField(
        label="Sender ID", max_length=20, help_text="A name such as the one of your company, or a phone number."
    )
    gateway = forms.ChoiceField(label="For", required=False)

    def __init__(self, asker: Caller, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        own = access.own(asker).order_by("name").values_list("pk", "name")
        field = self.fields["gateway"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Every gateway"), *((str(pk), name) for pk, name in own)]


@page("senders/", "senders", Right.SENDERS_READ, writes=Right.SENDERS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def show_senders(request: PageRequest) -> HttpResponse:
    """The list, and the form that asks for another."""
    asker = request.asker
    form = RequestForm(asker, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["gateway"]
        try:
            gateway = access.find(asker, int(chosen)) if chosen else None
            row = sender_ids.request_sender_id(asker.workspace, form.cleaned_data["sender"], gateway, actor=asker.actor)
        except Problem as problem:
            show_problem(form, problem)
        else:
            messages.success(request, f"{row} was asked for. An administrator of the installation decides.")
            return redirect("senders", workspace=asker.workspace.pk)
    found = SenderId.objects.filter(workspace=asker.workspace).select_related("gateway").order_by("-pk")
    shown = {
        "rows": [(row, TONES[row.status]) for row in found],
        "form": form,
        "may_ask": asker.has(Right.SENDERS_WRITE),
        "may_decide": asker.has(Right.SENDERS_DECIDE),
    }
    return render(request, "gateways/senders.html", shown, status=422 if form.errors else 200)


@page("senders/<int:sender>/decide/", "sender-decide", Right.SENDERS_DECIDE)
@require_POST
def decide(request: PageRequest, sender: int) -> HttpResponse:
    """Approve or refuse it, with a reason."""

    def change(row: SenderId) -> str:
        is_approved = request.POST.get("decision") == "approve"
        reason = request.POST.get("reason", "").replace("\x00", "")
        sender_ids.decide(row, is_approved=is_approved, reason=reason, actor=request.asker.actor)
        return f"{row} is {'approved' if is_approved else 'refused'}."

    return _change(request, sender, change)


@page("senders/<int:sender>/default/", "sender-default", Right.SENDERS_WRITE)
@require_POST
def make_default(request: PageRequest, sender: int) -> HttpResponse:
    """What messages without a sender ID of their own go out under."""

    def change(row: SenderId) -> str:
        sender_ids.make_default(row, actor=request.asker.actor)
        return f"{row} is the default of the workspace now."

    return _change(request, sender, change)


@page("senders/<int:sender>/delete/", "sender-delete", Right.SENDERS_WRITE)
@require_POST
def delete(request: PageRequest, sender: int) -> HttpResponse:
    """Take it off the list."""

    def change(row: SenderId) -> str:
        sender_ids.delete_sender_id(row, actor=request.asker.actor)
        return f"{row} is off the list."

    return _change(request, sender, change)


def _change(request: PageRequest, sender: int, change: Callable[[SenderId], str]) -> HttpResponse:
    """Change one of the workspace's, and say on the list what became of it."""
    workspace = request.asker.workspace
    row = SenderId.objects.filter(workspace=workspace, pk=sender).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such sender ID.")
    try:
        messages.success(request, change(row))
    except Problem as problem:
        messages.error(request, f"{problem.detail} {problem.remedy}")
    return redirect("senders", workspace=workspace.pk)
