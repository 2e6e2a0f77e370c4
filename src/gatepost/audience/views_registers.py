"""Pages: lists, tags, tariff plans, partners, locations, custom fields and segments of the workspace."""

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.audience import builder, entries, segments
from gatepost.audience.entries import REGISTERS, Register
from gatepost.audience.filters import matching
from gatepost.audience.models import CustomField, Segment, TariffPlan
from gatepost.audience.vocabulary import load
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.rest.storable import as_id
from gatepost.workspaces.permissions import Right


@page("contacts/lists/", "registers", Right.CONTACTS_READ, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def registers(request: PageRequest) -> HttpResponse:
    """The editable lists, one at a time; POST adds an entry."""
    workspace = request.asker.workspace
    register = _register(request.GET.get("of", "lists"))
    problem = None
    if request.method == "POST":
        kind = request.POST.get("kind", "")
        try:
            row = entries.add_entry(
                workspace, register, request.POST.get("name", ""), kind=kind, actor=request.asker.actor
            )
            notices.success(request, f"{row} was added.")
            return _to(request, register)
        except Problem as found:
            problem = found
    found_rows = [(row, entries.uses(workspace, register, row.pk)) for row in entries.rows(workspace, register)[:200]]
    shown = {
        "register": register,
        "registers": REGISTERS.values(),
        "rows": found_rows,
        "plan_kinds": TariffPlan.Kind.choices if register.model is TariffPlan else (),
        "problem": problem,
        "may_write": request.asker.has(Right.CONTACTS_WRITE),
    }
    return render(request, "audience/registers.html", shown, status=problem.status if problem else 200)


@page("contacts/lists/change/", "register-change", Right.CONTACTS_WRITE)
@require_POST
def change_entry(request: PageRequest) -> HttpResponse:
    """Rename an entry, or delete it."""
    register = _register(request.POST.get("of", ""))
    row = entries.find(request.asker.workspace, register, as_id(request.POST.get("entry", "")) or 0)
    try:
        if "delete" in request.POST:
            entries.delete_entry(row, register, actor=request.asker.actor)
            notices.success(request, f"{row} was deleted.")
        else:
            name, kind = request.POST.get("name", ""), request.POST.get("kind", "")
            entries.change_entry(row, register, name, kind=kind, actor=request.asker.actor)
            notices.success(request, "Saved.")
    except Problem as problem:
        notices.error(request, f"{problem.detail} {problem.remedy}")
    return _to(request, register)


@page("contacts/fields/", "fields", Right.CONTACTS_READ, writes=Right.WORKSPACE_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def fields(request: PageRequest) -> HttpResponse:
    """Custom fields; POST adds one."""
    workspace = request.asker.workspace
    problem = None
    if request.method == "POST":
        choices = request.POST.get("choices", "").replace("\x00", "").splitlines()
        try:
            row = entries.add_field(
                workspace,
                request.POST.get("label", ""),
                request.POST.get("type", ""),
                choices,
                actor=request.asker.actor,
            )
            notices.success(request, f"{row} was added.")
            return redirect("fields", workspace=workspace.pk)
        except Problem as found:
            problem = found
    shown = {
        "rows": [(row, entries.field_uses(row)) for row in CustomField.objects.filter(workspace=workspace)],
        "types": CustomField.Type.choices,
        "problem": problem,
        "may_write": request.asker.has(Right.WORKSPACE_WRITE),
    }
    return render(request, "audience/fields.html", shown, status=problem.status if problem else 200)


@page("contacts/fields/<int:field>/", "field-change", Right.WORKSPACE_WRITE)
@require_POST
def change_field(request: PageRequest, field: int) -> HttpResponse:
    """Rename a custom field, change its choices, or delete it."""
    workspace = request.asker.workspace
    row = CustomField.objects.filter(workspace=workspace, pk=min(field, 2**63 - 1)).first()
    if row is None:
        raise Problem("not_found")
    try:
        if "delete" in request.POST:
            entries.delete_field(row, actor=request.asker.actor)
            notices.success(request, f"{row} was deleted.")
        else:
            choices = request.POST.get("choices", "").replace("\x00", "").splitlines()
            entries.change_field(row, request.POST.get("label", ""), choices, actor=request.asker.actor)
            notices.success(request, "Saved.")
    except Problem as problem:
        notices.error(request, f"{problem.detail} {problem.remedy}")
    return redirect("fields", workspace=workspace.pk)


@page("segments/", "segments", Right.CONTACTS_READ, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def show_segments(request: PageRequest) -> HttpResponse:
    """The saved filters with how many fit now; POST counts for, or saves, a new one."""
    asker = request.asker
    vocabulary = load(asker.workspace)
    problem, count, group = None, None, builder.Group("all", (builder.Row(),))
    if request.method == "POST":
        group = builder.change(builder.read(request.POST), request.POST.get("f-do", ""))
        try:
            filter_ = builder.to_json(group, vocabulary)
            if "save" in request.POST:
                row = segments.save(
                    asker.workspace, request.POST.get("name", ""), filter_, user=asker.user, actor=asker.actor
                )
                notices.success(request, f"{row} is saved. A contact is in it as long as it fits.")
                return redirect("segments", workspace=asker.workspace.pk)
            count = matching(asker.workspace, filter_).count() if "try" in request.POST else None
        except Problem as found:
            problem = found
    saved = Segment.objects.filter(workspace=asker.workspace)
    shown = {
        "rows": [_counted(row) for row in saved.select_related("workspace")],
        "builder": builder.show(group, vocabulary, is_finished=problem is not None),
        "builder_url": reverse("contacts-filter", kwargs={"workspace": asker.workspace.pk}),
        "said": request.POST,
        "count": count,
        "problem": problem,
        "may_write": asker.has(Right.CONTACTS_WRITE),
    }
    return render(request, "audience/segments.html", shown, status=problem.status if problem else 200)


@page("contacts/filter/", "contacts-filter", Right.CONTACTS_READ)
@require_POST
def build_filter(request: PageRequest) -> HttpResponse:
    """The conditions as they were written, one more or one less: a part of the pages that have such a form."""
    group = builder.change(builder.read(request.POST), request.POST.get("f-do", ""))
    shown = {"builder": builder.show(group, load(request.asker.workspace)), "builder_url": request.path}
    return render(request, "audience/builder.html", shown)


@page("segments/<int:segment>/delete/", "segment-delete", Right.CONTACTS_WRITE)
@require_POST
def delete_segment(request: PageRequest, segment: int) -> HttpResponse:
    """Forget a segment."""
    row = segments.find(request.asker.workspace, min(segment, 2**63 - 1))
    segments.delete(row, actor=request.asker.actor)
    notices.success(request, f"{row} was deleted. Its contacts stay.")
    return redirect("segments", workspace=request.asker.workspace.pk)


def _counted(row: Segment) -> tuple[Segment, int | None]:
    """None where something that the segment names is gone."""
    try:
        return row, matching(row.workspace, row.filter).count()
    except Problem:
        return row, None


def _register(name: str) -> Register:
    register = REGISTERS.get(name)
    if register is None:
        raise Http404
    return register


def _to(request: PageRequest, register: Register) -> HttpResponse:
    answer = redirect("registers", workspace=request.asker.workspace.pk)
    answer["Location"] += f"?of={register.name}"
    return answer
