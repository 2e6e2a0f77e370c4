"""Page: where would this message go? Nothing is sent."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from gatepost.gateways import access as gateways
from gatepost.messages.preview import SENDER_REASONS
from gatepost.messages.snapshots import load_for
from gatepost.messages.where import where
from gatepost.messages.wishes import LANES, Wish
from gatepost.pages.access import PageRequest, page
from gatepost.pages.zones import zone_of
from gatepost.rest.storable import as_id
from gatepost.routing.rules import PURPOSES
from gatepost.workspaces.permissions import Right

LONGEST_TEXT = 1600
"""Characters; a longer one would not fit an address of every browser and proxy."""
OUTCOMES = {
    "chosen": ("good", "Chosen"),
    "passed": ("warn", "Passed over"),
    "unfit": ("calm", "Does not fit"),
    "unasked": ("calm", "Not asked"),
}


@page("routing/where/", "route-where", Right.ROUTES_READ)
@require_safe
def ask(request: PageRequest) -> HttpResponse:
    """The verdict of each rule, the gateway, and why the others were not chosen; the fragment alone for htmx."""
    purpose = request.GET.get("purpose", "")
    priority = purpose if purpose in LANES else "normal"
    kind = purpose if purpose in PURPOSES and purpose not in LANES else "single"
    gateway = _text(request, "gateway", 100)
    wish = Wish(
        to=_text(request, "to", 40),
        text=_text(request, "text", LONGEST_TEXT).replace("\r\n", "\n"),
        gateway=as_id(gateway) or gateway,
        sender=_text(request, "sender", 20),
        tag=_text(request, "tag", 40),
        priority=priority,
        send_at=_moment(request),
    )
    asker = request.asker
    found = where(wish, load_for(asker.workspace.pk, [wish], kind), kind, as_id(_text(request, "campaign", 19)))
    context: dict[str, Any] = {
        "found": found,
        "sender_reason": SENDER_REASONS.get(found.sender_reason, ""),
        "steps": [(step, *OUTCOMES[step.outcome]) for step in found.steps],
        "purposes": PURPOSES,
        "gateways": gateways.own(asker).order_by("name"),
    }
    is_fragment = "HX-Request" in request.headers
    return render(request, "messages/where.html" if is_fragment else "messages/where_page.html", context)


def _text(request: PageRequest, name: str, limit: int) -> str:
    return request.GET.get(name, "").strip().replace("\x00", "")[:limit]


def _moment(request: PageRequest) -> datetime | None:
    """In the reader's zone; what is no time is none."""
    try:
        local = parse_datetime(request.GET.get("at", "")[:40])
        return local.replace(tzinfo=zone_of(request)).astimezone(UTC) if local else None
    except (ValueError, OverflowError):
        return None
