"""The debug log of a gateway: a page with a filter, and the file."""

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from gatepost.gateways import access, sms_log
from gatepost.pages.access import PageRequest, page
from gatepost.workspaces.permissions import Right

SHOWN = 100


@page("gateways/<int:gateway>/log/", "gateway-log", Right.GATEWAYS_TEST)
@require_safe
def show_log(request: PageRequest, gateway: int) -> HttpResponse:
    """The newest requests and answers that hold what is looked for."""
    row = access.find(request.asker, gateway)
    access.refuse_shared(row, request.asker)
    wanted = request.GET.get("q", "").strip()
    entries = sms_log.read(row.pk, wanted=wanted, limit=SHOWN)
    return render(
        request, "gateways/log.html", {"gateway": row, "entries": entries, "wanted": wanted, "path": sms_log.path()}
    )


@page("gateways/<int:gateway>/log/download/", "gateway-log-download", Right.GATEWAYS_TEST)
@require_safe
def download(request: PageRequest, gateway: int) -> StreamingHttpResponse:
    """All of it, one JSON value per line."""
    row = access.find(request.asker, gateway)
    access.refuse_shared(row, request.asker)
    answer = StreamingHttpResponse(sms_log.lines(row.pk), content_type="application/x-ndjson")
    name = slugify(row.name) or f"gateway-{row.pk}"
    answer["Content-Disposition"] = f'attachment; filename="{name}.log.jsonl"'
    return answer
