"""Pages: what came in from handsets, and the pictures and files that came with it."""

from collections.abc import Sequence
from typing import Final

from django.db.models import BinaryField, F, Func, Prefetch, Value
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from gatepost.inbox.models import InboundMedia, InboundMessage
from gatepost.messages.models import Message
from gatepost.pages.access import PageRequest, page
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.workspaces.permissions import Right

PER_PAGE: Final = 50
PICTURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""How the only files begin that a browser may show: what the sender says of a file decides nothing."""
LONGEST_BEGINNING: Final = max(len(beginning) for beginning, _ in PICTURES)


@page("inbound/", "inbound", Right.MESSAGES_READ)
@require_safe
def inbound(request: PageRequest) -> HttpResponse:
    """Messages from handsets, newest first."""
    media = InboundMedia.objects.defer("body").order_by("id")
    rows = InboundMessage.objects.filter(workspace=request.asker.workspace).select_related("gateway")
    rows = rows.prefetch_related(Prefetch("media", media))
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(rows, asked)
    pictures = _pictures(found.items)
    context = {
        "rows": [(row, [(item, item.pk in pictures) for item in row.media.all()]) for row in found.items],
        "answered": _own_answered(request, found.items),
        "next_cursor": found.next_cursor,
        "is_later": bool(asked.cursor),
        "may_send": request.asker.has(Right.MESSAGES_SEND),
    }
    return render(request, "inbox/inbound.html", context)


@page("inbound/media/<int:media>/", "inbound-media", Right.MESSAGES_READ)
@require_safe
def download(request: PageRequest, media: int) -> HttpResponse:
    """The file for keeping, never for looking at in the browser."""
    item = _item(request, media)
    return _served(item, "application/octet-stream", is_download=True)


@page("inbound/media/<int:media>/picture", "inbound-picture", Right.MESSAGES_READ)
@require_safe
def picture(request: PageRequest, media: int) -> HttpResponse:
    """A picture that browsers show without danger; anything else is not here."""
    item = _item(request, media)
    kind = picture_kind(bytes(item.body[:LONGEST_BEGINNING]))
    if not kind:
        raise Http404
    return _served(item, kind, is_download=False)


def picture_kind(beginning: bytes) -> str:
    """The content type of a JPEG, PNG or GIF by its first bytes; empty for anything else."""
    return next((kind for magic, kind in PICTURES if beginning.startswith(magic)), "")


def _item(request: PageRequest, media_id: int) -> InboundMedia:
    own = InboundMedia.objects.filter(message__workspace=request.asker.workspace, pk=min(media_id, 2**63 - 1))
    item = own.first()
    if item is None or not item.body:
        raise Http404
    return item


def _served(item: InboundMedia, content_type: str, *, is_download: bool) -> HttpResponse:
    answer = HttpResponse(bytes(item.body), content_type=content_type)
    name = "".join(character for character in item.name if character.isprintable()) or f"media-{item.pk}"
    answer["Content-Disposition"] = content_disposition_header(is_download, name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _pictures(rows: Sequence[InboundMessage]) -> set[int]:
    """The media of these messages that can be shown, without reading the whole of any."""
    ids = [item.pk for row in rows for item in row.media.all()]
    first_bytes = Func(F("body"), Value(1), Value(LONGEST_BEGINNING), function="substring", output_field=BinaryField())
    beginnings = InboundMedia.objects.filter(pk__in=ids).annotate(beginning=first_bytes)
    return {pk for pk, beginning in beginnings.values_list("pk", "beginning") if picture_kind(bytes(beginning))}


def _own_answered(request: PageRequest, rows: Sequence[InboundMessage]) -> set[int]:
    """Which of the messages that these answer are there, and the workspace's."""
    ids = [row.answers_message_id for row in rows if row.answers_message_id]
    return set(Message.objects.filter(workspace=request.asker.workspace, pk__in=ids).values_list("pk", flat=True))
