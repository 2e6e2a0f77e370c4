"""Pages: lists, tags, tariff plans, partners, locations, custom fields and segments of the workspace."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages as notices
from django.core.paginator import Paginator
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

PER_PAGE = 50
SEGMENTS_PER_PAGE = 20
"""Who fits is counted for each that is shown."""


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
    part = Paginator(entries.rows(workspace, register), PER_PAGE).get_page(request.GET.get("page"))
    uses = entries.uses(workspace, register, [row.pk for row in part])
    shown = {
        "register": register,
        "registers": REGISTERS.values(),
        "rows": [(row, uses[row.pk]) for row in part],
        "part": part,
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

    def keep(name: str, filter_: Any) -> Segment:
        return segments.save(asker.workspace, name, filter_, user=asker.user, actor=asker.actor)

    written = _written(request, keep, name="", group=builder.Group("all", (builder.Row(),)))
    if isinstance(written, HttpResponse):
        return written
    saved = Segment.objects.filter(workspace=asker.workspace).select_related("workspace")
    part = Paginator(saved, SEGMENTS_PER_PAGE).get_page(request.GET.get("page"))
    shown = {"rows": [_counted(row) for row in part], "part": part, "may_write": asker.has(Right.CONTACTS_WRITE)}
    return render(request, "audience/segments.html", shown | written, status=_status(written))


@page("segments/<int:segment>/", "segment", Right.CONTACTS_WRITE, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def one_segment(request: PageRequest, segment: int) -> HttpResponse:
    """Rename a segment, or say anew who is in it; what needs it is named."""
    row = segments.find(request.asker.workspace, min(segment, 2**63 - 1))

    def keep(name: str, filter_: Any) -> Segment:
        return segments.change(row, name=name, filter_=filter_, actor=request.asker.actor)

    group = builder.from_json(row.filter, load(request.asker.workspace))
    written = _written(request, keep, name=row.name, group=group)
    if isinstance(written, HttpResponse):
        return written
    shown = {"segment": row, "needed": segments.used_by(row)}
    return render(request, "audience/segment.html", shown | written, status=_status(written))


@page("contacts/filter/", "contacts-filter", Right.CONTACTS_READ)
@require_POST
def build_filter(request: PageRequest) -> HttpResponse:
    """The conditions as they were written, one more or one less: a part of the pages that have such a form."""
    group = builder.change(builder.read(request.POST), request.POST.get("f-do", ""))
    shown = {"builder": builder.show(group, load(request.asker.workspace)), "builder_url": request.path}
    answer = render(request, "audience/builder.html", shown)
    answer["HX-Trigger-After-Swap"] = "filter-changed"
    return answer


@page("segments/<int:segment>/delete/", "segment-delete", Right.CONTACTS_WRITE)
@require_POST
def delete_segment(request: PageRequest, segment: int) -> HttpResponse:
    """Forget a segment."""
    row = segments.find(request.asker.workspace, min(segment, 2**63 - 1))
    segments.delete(row, actor=request.asker.actor)
    notices.success(request, f"{row} was deleted. Its contacts stay.")
    return redirect("segments", workspace=request.asker.workspace.pk)


def _written(
    request: PageRequest, keep: Callable[[str, Any], Segment], *, name: str, group: builder.Group
) -> HttpResponse | dict[str, Any]:
    """What stands in the form of a segment, at first this name and group; once it is kept, the way to the list."""
    workspace = request.asker.workspace
    vocabulary = load(workspace)
    problem, count = None, None
    if request.method == "POST":
        name = request.POST.get("name", "")
        group = builder.change(builder.read(request.POST), request.POST.get("f-do", ""))
        try:
            filter_ = builder.to_json(group, vocabulary)
            if "save" in request.POST:
                row = keep(name, filter_)
                notices.success(request, f"{row} is saved. A contact is in it as long as it fits.")
                return redirect("segments", workspace=workspace.pk)
            count = matching(workspace, filter_).count() if "try" in request.POST else None
        except Problem as found:
            problem = found
    return {
        "builder": builder.show(group, vocabulary, is_finished=problem is not None),
        "builder_url": reverse("contacts-filter", kwargs={"workspace": workspace.pk}),
        "name": name,
        "count": count,
        "problem": problem,
    }


def _status(written: Mapping[str, Any]) -> int:
    return written["problem"].status if written["problem"] else 200


def _counted(row: Segment) -> tuple[Segment, int | None, list[str]]:
    """How many fit, None where something that the segment names is gone; and what needs it."""
    try:
        return row, matching(row.workspace, row.filter).count(), segments.used_by(row)
    except Problem:
        return row, None, segments.used_by(row)


def _register(name: str) -> Register:
    register = REGISTERS.get(name)
    if register is None:
        raise Http404
    return register


def _to(request: PageRequest, register: Register) -> HttpResponse:
    """The list, at the page that was open."""
    page_number = request.POST.get("page", "")
    answer = redirect("registers", workspace=request.asker.workspace.pk)
    answer["Location"] += f"?of={register.name}"
    if page_number.isascii() and page_number.isdecimal() and len(page_number) < 6:
        answer["Location"] += f"&page={page_number}"
    return answer
