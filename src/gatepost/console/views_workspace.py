"""Pages: the settings of the workspace, and who changed what."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.console.forms import WorkspaceForm
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.workspaces.differences import Changes
from gatepost.workspaces.models import AuditEntry
from gatepost.workspaces.permissions import Right
from gatepost.workspaces.services import update_workspace


@page("settings/", "workspace", Right.WORKSPACE_READ, writes=Right.WORKSPACE_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def workspace_settings(request: PageRequest) -> HttpResponse:
    """What everybody of the workspace shares."""
    asker = request.asker
    form = WorkspaceForm(asker, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            # Only what differs, so that two people who change different things do not undo each other.
            if form.changed_data:
                changes = {name: form.cleaned_data[name] for name in form.changed_data}
                update_workspace(asker.workspace, actor=asker.actor, **changes)
        except Problem as problem:
            asker.workspace.refresh_from_db()
            show_problem(form, problem)
        else:
            messages.success(request, "The settings are saved.")
            return redirect("workspace", workspace=asker.workspace.pk)
    shown = {"form": form, "may_write": asker.has(Right.WORKSPACE_WRITE), "may_audit": asker.has(Right.AUDIT_READ)}
    return render(request, "console/workspace.html", shown, status=422 if form.errors else 200)


@page("audit/", "audit", Right.AUDIT_READ)
@require_safe
def audit_list(request: PageRequest) -> HttpResponse:
    """Who changed what, newest first. What concerns no workspace is for administrators."""
    of_installation = request.asker.is_administrator and request.GET.get("of") == "installation"
    entries = AuditEntry.objects.filter(workspace=None if of_installation else request.asker.workspace)
    shown = page_of(entries, PageQuery(cursor=request.GET.get("cursor", "")[:100]))
    context = {
        "entries": [(entry, _detail(entry)) for entry in shown.items],
        "next_cursor": shown.next_cursor,
        "of_installation": of_installation,
        "is_administrator": request.asker.is_administrator,
    }
    return render(request, "console/audit.html", context)


def _detail(entry: AuditEntry) -> list[tuple[str, str]]:
    """What is told of it by name; of changed fields each by itself, before and after."""
    told: dict[str, object] = {}
    for name, value in entry.detail.items():
        told |= _by_field(value) if isinstance(value, dict) else {name: value}
    return [(name.replace("_", " "), _in_words(value)) for name, value in told.items()]


def _by_field(changed: Changes) -> dict[str, str]:
    return {name: " → ".join(told) if isinstance(told, list) else told for name, told in changed.items()}


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
