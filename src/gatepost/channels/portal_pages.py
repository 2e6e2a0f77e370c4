"""The pages that customers see: `/portal/<workspace>/`. They need no script, and no account of the console.

Signing in is a cookie of its own, for the addresses of the portal alone.
"""

from functools import wraps
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.audience.serving import served
from gatepost.channels import attachments, portal_entrance, unsubscribing
from gatepost.channels.models import Portal, PortalMessage
from gatepost.channels.portal import visible
from gatepost.channels.portal_entrance import SESSION_LIFETIME, Visitor
from gatepost.pages.access import View
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.sms.ids import from_ref

COOKIE: Final = "gatepost_portal"
PER_PAGE: Final = 30


def for_visitors(view: View) -> View:
    """Only for who is signed in to this portal; others are led to its door."""

    @wraps(view)
    def guarded(request: HttpRequest, workspace: int, **parts: Any) -> Any:
        _portal(workspace)
        found = portal_entrance.visitor(workspace, request.COOKIES.get(COOKIE, ""))
        if found is None:
            return redirect("portal-door", workspace=workspace)
        with timezone.override(_zone(found)):
            return view(request, found, **parts)

    return never_cache(guarded)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest, workspace: int) -> HttpResponse:
    """Ask for a link. The answer is the same for everybody."""
    portal = _portal(workspace)
    if portal_entrance.visitor(workspace, request.COOKIES.get(COOKIE, "")) is not None:
        return redirect("portal-list", workspace=workspace)
    shown: dict[str, Any] = {"portal": portal, "wanted": "", "fault": ""}
    if request.method != "POST":
        return render(request, "channels/portal/door.html", shown)
    wanted = request.POST.get("wanted", "").strip()[:254]
    if not wanted:
        shown["fault"] = "Write your phone number or e-mail address."
        return render(request, "channels/portal/door.html", shown, status=422)
    if not portal_entrance.ask(portal.workspace, wanted, request.META.get("REMOTE_ADDR", "")):
        shown |= {"wanted": wanted, "fault": "Too many links were asked for from here. Try again in an hour."}
        return render(request, "channels/portal/door.html", shown, status=429)
    return render(request, "channels/portal/asked.html", shown)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, workspace: int, token: str) -> HttpResponse:
    """A link works once. It asks for a press of a button, so that a preview of the link does not use it up."""
    portal = _portal(workspace)
    if request.method != "POST":
        return render(request, "channels/portal/enter.html", {"portal": portal})
    found = portal_entrance.redeem(workspace, token)
    if found is None:
        return render(request, "channels/portal/spent.html", {"portal": portal}, status=410)
    answer = redirect("portal-list", workspace=workspace)
    answer.set_cookie(
        COOKIE,
        found[1],
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/portal/",
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )
    return answer


@require_safe
@for_visitors
def messages(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What was written to the customer, newest first."""
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    try:
        found = page_of(_own(visitor), asked)
    except Problem:
        raise Http404 from None
    shown = _shown(visitor) | {
        "messages_shown": found.items,
        "next_cursor": found.next_cursor,
        "is_later": bool(asked.cursor),
        "unread": _own(visitor).filter(read_at=None).count(),
    }
    return render(request, "channels/portal/list.html", shown)


@require_safe
@for_visitors
def message(request: HttpRequest, visitor: Visitor, ref: str) -> HttpResponse:
    """One message; whoever sent it sees that it was read."""
    row = _find(visitor, ref)
    if row.read_at is None and request.method == "GET":
        _mark_read(row)
    files = attachments.gather(row.workspace_id, row.attachments, row.documents)
    return render(request, "channels/portal/message.html", _shown(visitor) | {"message": row, "files": files})


@require_safe
@for_visitors
def file(request: HttpRequest, visitor: Visitor, ref: str, key: str) -> HttpResponse:
    """A file that the message brings along."""
    row = _find(visitor, ref)
    named = attachments.gather(row.workspace_id, row.attachments, row.documents)
    found = next((one for one in named if one.key == key), None)
    if found is None:
        raise Http404
    try:
        return served(found)
    except Problem:
        raise Http404 from None


@never_cache
@require_POST
def leave(request: HttpRequest, workspace: int) -> HttpResponse:
    """Sign out on this browser, also after the portal was closed."""
    portal_entrance.end(request.COOKIES.get(COOKIE, ""))
    answer = redirect("portal-door", workspace=workspace)
    answer.delete_cookie(COOKIE, path="/portal/", samesite="Lax")
    return answer


# Mail programs post here by themselves (RFC 8058), without a cookie; the token is the permission.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """End mass mails to one address; opening the page changes nothing."""
    found = unsubscribing.read(token)
    if found is None:
        raise Http404
    workspace, address = found
    if request.method == "POST":
        if request.POST.get("do") == "allow":
            unsubscribing.allow(workspace, address, actor="recipient")
        else:
            unsubscribing.suppress(workspace, address, source="recipient", actor="recipient")
    shown = {"sender": workspace, "address": address, "is_ended": unsubscribing.is_suppressed(workspace, address)}
    return render(request, "channels/portal/unsubscribe.html", shown | {"is_done": request.method == "POST"})


def _portal(workspace: int) -> Portal:
    portal = portal_entrance.open_portal(min(workspace, 2**63 - 1))
    if portal is None:
        raise Http404
    return portal


def _zone(visitor: Visitor) -> ZoneInfo:
    """There is no script that would show times in the reader's zone, but contacts have one."""
    try:
        return ZoneInfo(visitor.contact.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _own(visitor: Visitor) -> QuerySet[PortalMessage]:
    return visible(PortalMessage.objects.filter(contact=visitor.contact, workspace=visitor.workspace))


def _find(visitor: Visitor, ref: str) -> PortalMessage:
    number = from_ref(ref)
    row = _own(visitor).filter(pk=number[0]).first() if number else None
    if row is None:
        raise Http404
    return row


def _mark_read(row: PortalMessage) -> None:
    PortalMessage.objects.filter(pk=row.pk, read_at=None).update(read_at=Now())


def _shown(visitor: Visitor) -> dict[str, Any]:
    return {"portal": portal_entrance.open_portal(visitor.workspace.pk), "visitor": visitor}
