"""Pages: the e-mail addresses that get no more mass mails."""

from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.channels import unsubscribing
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.rest.storable import is_storable
from gatepost.workspaces.permissions import Right

PER_PAGE: Final = 50


@page("email-suppressions/", "email-suppressions", Right.CONTACTS_READ, writes=Right.CONTACTS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def suppressions(request: PageRequest) -> HttpResponse:
    """The list, the newest first; POST puts addresses on it."""
    if request.method != "POST":
        return _shown(request)
    asker = request.asker
    written = request.POST.get("addresses", "")
    try:
        added = unsubscribing.suppress_all(asker.workspace, written, actor=asker.actor)
    except Problem as problem:
        return _shown(request, written=written, problem=problem)
    if added.invalid:
        return _shown(request, written="\n".join(added.invalid), added=added)
    notices.success(request, _words(added))
    return redirect("email-suppressions", workspace=asker.workspace.pk)


@page("email-suppressions/<int:suppression>/remove/", "email-suppression-remove", Right.WORKSPACE_WRITE)
@require_POST
def remove(request: PageRequest, suppression: int) -> HttpResponse:
    """Mass mails to the address again."""
    asker = request.asker
    row = unsubscribing.find(asker.workspace, suppression)
    unsubscribing.allow(asker.workspace, row.address, actor=asker.actor)
    notices.success(request, f"{row.address} gets mass mails again.")
    return redirect("email-suppressions", workspace=asker.workspace.pk)


@page("email-suppressions/export.csv", "email-suppressions-export", Right.CONTACTS_READ)
@require_safe
def export(request: PageRequest) -> StreamingHttpResponse:
    """The whole list as a table for a spreadsheet."""
    found = unsubscribing.lines(request.asker.workspace)
    answer = StreamingHttpResponse(found, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="email-suppressions.csv"'
    return answer


def _shown(request: PageRequest, *, problem: Problem | None = None, **more: Any) -> HttpResponse:
    asker = request.asker
    wanted = request.GET.get("address", "")[:254]
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(unsubscribing.search(asker.workspace, wanted if is_storable(wanted) else "\ufffd"), asked)
    shown = {
        "rows": [(row, unsubscribing.SOURCES.get(row.source, row.source)) for row in found.items],
        "next_cursor": found.next_cursor,
        "is_later": bool(asked.cursor),
        "wanted": wanted.strip(),
        "is_new": not found.items and not unsubscribing.own(asker.workspace).exists(),
        "may_add": asker.has(Right.CONTACTS_WRITE),
        "may_remove": asker.has(Right.WORKSPACE_WRITE),
        "problem": problem,
        **more,
    }
    if added := more.get("added"):
        shown["added_words"] = _words(added)
    status = problem.status if problem else 422 if added else 200
    return render(request, "channels/suppressions.html", shown, status=status)


def _words(added: unsubscribing.Added) -> str:
    """What became of them, in a sentence."""
    was = "was" if added.known == 1 else "were"
    return f"{added.new} added" + (f"; {added.known} {was} there already." if added.known else ".")
