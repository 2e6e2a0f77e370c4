"""Pages: the mails of the workspace, and one of them."""

from typing import Final

from django.contrib import messages as notices
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gatepost.audience.serving import served
from gatepost.channels import attachments, mails
from gatepost.channels.forms import MailFilter
from gatepost.channels.letter import message_id
from gatepost.channels.mail import cause_of
from gatepost.channels.models import MailEvent
from gatepost.channels.replies import advice
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State
from gatepost.workspaces.permissions import Right

PER_PAGE: Final = 50


@page("mail/", "mails", Right.MESSAGES_READ)
@require_safe
def show_mails(request: PageRequest) -> HttpResponse:
    """The mails of the workspace, newest first."""
    form = MailFilter(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    own = mails.own(request.asker.workspace)
    wanted = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(mails.search(own, **{name: asked.get(name, "") for name in ("word", "kind", "to")}), wanted)
    shown = {
        "form": form,
        "rows": [(mail, cause_of(mail)) for mail in found.items],
        "next_cursor": found.next_cursor,
        "is_later": bool(wanted.cursor),
        "is_filtered": any(asked.values()),
        "is_new": not found.items and not own.exists(),
    }
    return render(request, "channels/mails.html", shown)


@page("mail/<str:ref>/", "mail", Right.MESSAGES_READ)
@require_safe
def show_mail(request: PageRequest, ref: str) -> HttpResponse:
    """What was sent, where it stands, what the server said."""
    mail = mails.find(request.asker.workspace, ref)
    state = State(mail.state)
    shown = {
        "mail": mail,
        "events": MailEvent.objects.filter(mail_id=mail.pk).order_by("pk"),
        "files": attachments.gather(mail.workspace_id, mail.attachments, mail.documents),
        "message_id": message_id(mail, mail.account) if mail.account else "",
        "advice": advice(mail.code, mail.words) if state in (State.REJECTED, State.UNDELIVERED) else "",
        "may_send": request.asker.has(Right.MESSAGES_SEND),
        "is_waiting": state is State.QUEUED,
        "is_unknown": state is State.UNKNOWN,
        "is_repeatable": state in mails.REPEATABLE,
    }
    return render(request, "channels/mail.html", shown)


@page("mail/<str:ref>/files/<str:file>", "mail-file", Right.MESSAGES_READ)
@require_safe
def show_file(request: PageRequest, ref: str, file: str) -> HttpResponse:
    """A file that was sent with it, as it is now."""
    mail = mails.find(request.asker.workspace, ref)
    files = attachments.gather(mail.workspace_id, mail.attachments, mail.documents)
    found = next((one for one in files if one.key == file), None)
    if found is None:
        raise Http404
    return served(found)


@page("mail/<str:ref>/actions/", "mail-actions", Right.MESSAGES_SEND)
@require_POST
def act(request: PageRequest, ref: str) -> HttpResponse:
    """Cancel it, send it again, or leave it as it is."""
    asker = request.asker
    mail = mails.find(asker.workspace, ref)
    what = request.POST.get("action", "")
    try:
        if what == "cancel":
            mails.cancel(mail, actor=asker.actor)
            notices.success(request, "The mail was cancelled.")
        elif what == "leave":
            mails.leave(mail, actor=asker.actor)
            notices.success(request, "The mail is settled as it is.")
        elif what == "send-again":
            new = mails.send_again(mail, user_id=asker.user.pk if asker.user else None, actor=asker.actor)
            notices.success(request, "This is the new mail.")
            return redirect("mail", workspace=asker.workspace.pk, ref=to_ref(new))
        else:
            raise Problem("bad_request", "There is no such action.")
    except Problem as problem:
        if problem.code == "bad_request":
            raise
        notices.error(request, f"{problem.detail} {problem.remedy}")
    return redirect("mail", workspace=asker.workspace.pk, ref=ref)
