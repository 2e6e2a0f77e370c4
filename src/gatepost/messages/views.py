"""Pages: writing one message, and the log."""

from typing import Any

from django.contrib import messages as notices
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.messages.export import lines
from gatepost.messages.forms import ComposeForm, LogForm
from gatepost.messages.log import Filters, search, standings
from gatepost.messages.models import Message
from gatepost.messages.preview import preview, replaced
from gatepost.messages.services import accept_once
from gatepost.messages.snapshots import load, with_suppressed
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Snapshot
from gatepost.pages.access import PageRequest, page
from gatepost.pages.zones import zone_of
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.sms.ids import to_ref
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.text import InvalidText
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right

SENT = "sent_draft"
"""The session's note that the draft of a form is done with; the page after it tells the browser."""
PER_PAGE = 50


@page("compose/", "compose", Right.MESSAGES_SEND)
@require_http_methods(["GET", "POST"])
def compose(request: PageRequest) -> HttpResponse:
    """Write one message and send it. A POST that asks for something else than sending shows the form again."""
    form, snapshot = _form(request)
    if request.method == "POST" and "send" in request.POST and form.is_valid():
        try:
            return _sent(request, form)
        except Problem as problem:
            explain(form, problem)
    status = 422 if request.method == "POST" and form.errors else 200
    return render(request, "messages/compose.html", _shown(form, snapshot) | {"draft": _draft(request)}, status=status)


@page("compose/measure/", "compose-measure", Right.MESSAGES_SEND)
@require_POST
def measure(request: PageRequest) -> HttpResponse:
    """The count and the preview of what is being written, while it is being written."""
    form, snapshot = _form(request)
    shown = _shown(form, snapshot) | {"is_fragment": True}
    if "replace" in request.POST:
        shown["replaced_text"] = form["text"].as_widget(attrs={"hx-swap-oob": "true"})
    return render(request, "messages/measure.html", shown)


@page("log/", "log", Right.MESSAGES_READ)
@require_safe
def log(request: PageRequest) -> HttpResponse:
    """The messages of the workspace, newest first."""
    form, filters = _filters(request)
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(search(_own(request.asker).select_related("gateway"), filters), asked)
    standing = standings(found.items)
    context = {
        "form": form,
        "rows": [(message, standing[message.pk]) for message in found.items],
        "next_cursor": found.next_cursor,
        "is_later": bool(asked.cursor),
        "is_filtered": form.is_asking,
        "is_new": not found.items and not _own(request.asker).exists(),
        "may_send": request.asker.has(Right.MESSAGES_SEND),
    }
    return render(request, "messages/log.html", context)


@page("log/export.csv", "log-export", Right.MESSAGES_READ)
@require_safe
def export(request: PageRequest) -> StreamingHttpResponse:
    """What the log shows with these filters, all pages of it, as a table for a spreadsheet."""
    _, filters = _filters(request)
    found = search(_own(request.asker).select_related("gateway"), filters)
    answer = StreamingHttpResponse(lines(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="messages.csv"'
    return answer


def draft_done(request: HttpRequest) -> str:
    """The draft that the browser may forget on this page, once; empty where there is none."""
    return str(request.session.pop(SENT, ""))


def _own(asker: Caller) -> QuerySet[Message]:
    return Message.objects.filter(workspace=asker.workspace)


def _filters(request: PageRequest) -> tuple[LogForm, Filters]:
    form = LogForm(request.asker.workspace, data=request.GET)
    return form, form.filters(zone_of(request))


def _form(request: PageRequest) -> tuple[ComposeForm, Snapshot]:
    workspace = request.asker.workspace
    snapshot = load(workspace.pk)
    if request.method != "POST":
        initial = {name: request.GET[name] for name in ("to", "text", "gateway") if name in request.GET}
        return ComposeForm(workspace, snapshot, zone_of(request), initial=initial), snapshot
    data = request.POST.copy()
    if "replace" in data:
        try:
            data["text"] = replaced(str(data.get("text", "")).replace("\r\n", "\n"), str(data["replace"]))
        except InvalidText:
            del data["replace"]
    return ComposeForm(workspace, snapshot, zone_of(request), data=data), snapshot


def _shown(form: ComposeForm, snapshot: Snapshot) -> dict[str, Any]:
    draft = form.draft()
    try:
        numbers = [parse(draft.to, snapshot.default_country)]
    except InvalidNumber:
        numbers = []
    return {
        "form": form,
        "preview": preview(draft, with_suppressed(snapshot, numbers)),
        "has_gateway": bool(snapshot.gateways),
    }


def _sent(request: PageRequest, form: ComposeForm) -> HttpResponse:
    """Accept it, and lead to its page. Raises Problem."""
    asker = request.asker
    user_id = asker.user.pk if asker.user else None
    origin = Origin(asker.workspace.pk, user_id=user_id)
    message_id, is_new = accept_once(origin, form.wish(), form.cleaned_data["once"])
    if not is_new:
        notices.info(request, "This message was accepted before; it was not sent twice.")
    request.session[SENT] = f"draft:{request.path}:{_draft(request)}"
    return redirect("message", workspace=asker.workspace.pk, ref=to_ref(message_id))


def _draft(request: PageRequest) -> str:
    """Under which name the browser keeps what is typed: a message to a given number is a draft of its own."""
    if request.method == "POST":
        return request.POST.get("draft", "compose")[:60]
    to = request.GET.get("to", "")[:40]
    return f"compose-{to}" if to else "compose"


def explain(form: ComposeForm, problem: Problem) -> None:
    """What is wrong and what to do, beside the field that it is about."""
    about = next((fault.field for fault in problem.faults if fault.field in form.fields), None)
    form.add_error(about, f"{problem.detail} {problem.remedy}")
