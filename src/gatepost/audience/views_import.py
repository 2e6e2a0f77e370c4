"""Pages: importing a table of contacts, from the file to the rows that could not be taken."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib import messages as notices
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.audience import importing
from gatepost.audience.export import fault_lines
from gatepost.audience.models import Billing, Category, Import, ImportFault, Kind, Service, Status
from gatepost.audience.saving import BYS
from gatepost.audience.values import TITLES, title
from gatepost.audience.vocabulary import load
from gatepost.gateways.countries import country_name
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.sms.dialling import dialled_countries
from gatepost.workspaces.permissions import Right

MOST = 50
FAULTS_SHOWN = 20
CHOICES = {"kind": Kind, "status": Status, "category": Category, "billing": Billing, "services": Service}
BY_WORDS = {"external_id": "External id", "login": "Login", "phone": "Phone", "email": "E-mail"}


@page("imports/", "imports", Right.CONTACTS_WRITE, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: PageRequest) -> HttpResponse:
    """Choose a table; those of before."""
    workspace = request.asker.workspace
    problem = None
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise Problem("no_file", remedy="Choose a CSV or XLSX file.")
            row = importing.upload(workspace, file.name or "table", file.chunks(), actor=request.asker.actor)
            return redirect("import", workspace=workspace.pk, number=row.pk)
        except Problem as found:
            problem = found
    shown = {"rows": Import.objects.filter(workspace=workspace)[:MOST], "problem": problem}
    return render(request, "audience/imports.html", shown, status=problem.status if problem else 200)


@page("imports/<int:number>/", "import", Right.CONTACTS_WRITE, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def one_import(request: PageRequest, number: int) -> HttpResponse:
    """Match the columns with fields and start; then how far it is, and what became of the rows."""
    row = _find(request, number)
    problem = None
    if request.method == "POST":
        try:
            _configure(row, request.POST)
            if "start" in request.POST:
                importing.start(row)
                return redirect("import", workspace=request.asker.workspace.pk, number=row.pk)
        except Problem as refused:
            problem = refused
    found = _match(row, _chosen(row, request), problem) if row.state == "new" else _result(row)
    shown = {"row": row, "problem": problem, **found}
    return render(request, "audience/import.html", shown, status=problem.status if problem else 200)


@page("imports/<int:number>/progress/", "import-progress", Right.CONTACTS_WRITE)
@require_safe
def progress(request: PageRequest, number: int) -> HttpResponse:
    """How far it is, for the page that watches; 204 while nothing is new."""
    row = _find(request, number)
    if request.GET.get("seen") == f"{row.state}-{row.rows}":
        return HttpResponse(status=204)
    return render(request, "audience/progress.html", {"row": row, **_result(row)})


@page("imports/<int:number>/errors.csv", "import-errors", Right.CONTACTS_WRITE)
@require_safe
def errors(request: PageRequest, number: int) -> StreamingHttpResponse:
    """The rows that could not be taken, to be put right and imported again."""
    answer = StreamingHttpResponse(fault_lines(_find(request, number)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="errors.csv"'
    return answer


@page("imports/<int:number>/cancel/", "import-cancel", Right.CONTACTS_WRITE)
@require_POST
def cancel(request: PageRequest, number: int) -> HttpResponse:
    """Stop it; what was taken stays."""
    row = _find(request, number)
    importing.cancel(row, actor=request.asker.actor)
    notices.success(request, "The import was cancelled. What was taken stays.")
    return redirect("import", workspace=request.asker.workspace.pk, number=row.pk)


def _find(request: PageRequest, number: int) -> Import:
    return importing.find(request.asker.workspace, min(number, 2**63 - 1))


def _chosen(row: Import, request: PageRequest) -> Mapping[str, str]:
    """What stands in the form: what was just chosen, fit or not, or what was guessed and saved."""
    if request.method == "POST":
        return request.POST.dict()
    columns = {f"column-{place}": field for place, field in enumerate(row.mapping)}
    header = {"has_header": "on"} if row.has_header else {}
    rest = {name: getattr(row, name) for name in ("by", "known", "kind", "list_name", "country")}
    return {**rest, **header, **columns}


def _configure(row: Import, said: Any) -> None:
    importing.configure(
        row,
        [said.get(f"column-{place}", "") for place in range(len(row.columns))],
        has_header="has_header" in said,
        by=said.get("by", ""),
        known=said.get("known", "update"),
        kind=said.get("kind", Kind.CUSTOMER.value),
        list_name=said.get("list_name", ""),
        country=said.get("country", ""),
    )


def _match(row: Import, said: Mapping[str, str], problem: Problem | None) -> dict[str, Any]:
    """The columns with their fields and first cells, as they were chosen or guessed."""
    vocabulary = load(row.workspace)
    custom = [(f"custom.{key}", one.label) for key, one in vocabulary.custom.items()]
    samples = importing.preview(row)
    troubles = {fault.field: fault.detail for fault in problem.faults} if problem else {}
    columns = [
        {
            "place": place,
            "name": name if "has_header" in said else f"Column {place + 1}",
            "field": said.get(f"column-{place}", ""),
            "cells": [cell for cell in _cells(samples, place) if cell.strip()][:3],
            "trouble": troubles.get(f"column-{place}"),
        }
        for place, name in enumerate(row.columns)
    ]
    previews = [
        {
            "values": [(title(name, vocabulary), value) for name, value in _read(sample)],
            "faults": [(title(fault.field, vocabulary), fault.detail) for fault in sample.draft.faults],
        }
        for sample in samples
    ]
    return {
        "said": said,
        "columns": columns,
        "fields": [*TITLES.items(), *custom],
        "bys": [(by, BY_WORDS[by]) for by in BYS],
        "by_trouble": troubles.get("by"),
        "kinds": Kind.choices,
        "countries": sorted(((code, country_name(code)) for code in dialled_countries()), key=lambda pair: pair[1]),
        "previews": previews,
    }


def _cells(samples: Iterable[importing.Sample], place: int) -> Iterator[str]:
    return (sample.cells[place] for sample in samples if place < len(sample.cells))


def _read(sample: importing.Sample) -> list[tuple[str, str]]:
    """What is made of a row, in words."""
    said = [(name, value) for name, value in sample.draft.columns.items() if name in TITLES and value]
    said += [(name, value) for name, value in sample.draft.names.items() if value]
    said += [(f"custom.{key}", value) for key, value in sample.draft.custom.items() if value is not None]
    return [(name, _in_words(name, value)) for name, value in said]


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    labels = dict(CHOICES[name].choices) if name in CHOICES else {}
    several = value if isinstance(value, list) else [value]
    return ", ".join(f"+{one}" if name == "phones" else str(labels.get(one, one)) for one in several)


def _result(row: Import) -> dict[str, Any]:
    return {"faults": ImportFault.objects.filter(contact_import=row)[:FAULTS_SHOWN]}
