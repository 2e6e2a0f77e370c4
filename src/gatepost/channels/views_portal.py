"""Pages of the console about the customer portal: what was sent there, who has read it, and whether it is open."""

from typing import Final

from django.conf import settings
from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.audience.serving import served
from gatepost.channels import attachments
from gatepost.channels.forms import PortalForm
from gatepost.channels.models import Portal, PortalMessage
from gatepost.channels.portal import state_of
from gatepost.channels.portal_entrance import unsent
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.sms.ids import from_ref
from gatepost.workspaces.permissions import Right
from gatepost.workspaces.services import audit

PER_PAGE: Final = 50


@page("portal/", "portal-messages", Right.MESSAGES_READ)
@require_safe
def show_messages(request: PageRequest) -> HttpResponse:
    """What was sent to the portal, newest first, and when it was read."""
    workspace = request.asker.workspace
    own = PortalMessage.objects.filter(workspace=workspace).select_related("contact")
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(own, asked)
    portal = Portal.objects.filter(workspace=workspace, is_open=True).first()
    shown = {
        "rows": [(message, state_of(message).value) for message in found.items],
        "next_cursor": found.next_cursor,
        "is_later": bool(asked.cursor),
        "portal": portal,
        "address": _address(request) if portal else "",
        "may_settle": request.asker.has(Right.WORKSPACE_READ),
        "unsent": unsent(workspace),
    }
    return render(request, "channels/portal_messages.html", shown)


@page("portal/settings/", "portal-settings", Right.WORKSPACE_READ, writes=Right.WORKSPACE_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def settle(request: PageRequest) -> HttpResponse:
    """Open or close the portal, and say what its door says."""
    asker = request.asker
    portal = Portal.objects.filter(workspace=asker.workspace).first()
    form = PortalForm.of(portal, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        Portal.objects.update_or_create(workspace=asker.workspace, defaults=form.cleaned_data)
        audit(asker.actor, "portal.update", asker.workspace, asker.workspace, is_open=form.cleaned_data["is_open"])
        notices.success(request, "Saved.")
        return redirect("portal-settings", workspace=asker.workspace.pk)
    shown = {
        "form": form,
        "portal": portal,
        "address": _address(request),
        "has_public_url": bool(settings.CONFIG["PUBLIC_URL"]),
        "may_write": asker.has(Right.WORKSPACE_WRITE),
        "unsent": unsent(asker.workspace),
    }
    return render(request, "channels/portal_settings.html", shown, status=422 if form.errors else 200)


@page("portal/<str:ref>/", "portal-message", Right.MESSAGES_READ)
@require_safe
def show_message(request: PageRequest, ref: str) -> HttpResponse:
    """One message as its contact sees it, and whether they have read it."""
    message = _find(request, ref)
    files = attachments.gather(message.workspace_id, message.attachments, message.documents)
    shown = {"message": message, "files": files, "state": state_of(message).value}
    return render(request, "channels/portal_message.html", shown)


@page("portal/<str:ref>/files/<str:file>", "portal-message-file", Right.MESSAGES_READ)
@require_safe
def show_file(request: PageRequest, ref: str, file: str) -> HttpResponse:
    """A file of a message."""
    message = _find(request, ref)
    files = attachments.gather(message.workspace_id, message.attachments, message.documents)
    found = next((one for one in files if one.key == file), None)
    if found is None:
        raise Http404
    return served(found)


def _find(request: PageRequest, ref: str) -> PortalMessage:
    number = from_ref(ref)
    own = PortalMessage.objects.filter(workspace=request.asker.workspace).select_related("contact")
    message = own.filter(pk=number[0]).first() if number else None
    if message is None:
        raise Problem("not_found", "The workspace has no such portal message.")
    return message


def _address(request: PageRequest) -> str:
    path = reverse("portal-door", kwargs={"workspace": request.asker.workspace.pk})
    return str(settings.CONFIG["PUBLIC_URL"] or request.build_absolute_uri("/").rstrip("/")) + path
