"""The page of the demo's mailbox: what the e-mail accounts of the demo have sent, seen from the other side."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gatepost.channels.models import EmailAccount
from gatepost.console.remote import Away, simulators
from gatepost.pages.access import PageRequest, page
from gatepost.workspaces.permissions import Right

HOSTS = ("127.0.0.1", "localhost", "::1")


@page("phone/mailbox/", "demo-mailbox", Right.MESSAGES_READ)
@require_safe
def show(request: PageRequest) -> HttpResponse:
    """What arrived, newest first; for workspaces whose mails go there."""
    found = simulators(settings.DATA_DIR)
    own = EmailAccount.objects.filter(workspaces=request.asker.workspace, host__in=HOSTS)
    if found is None or not found.mail_port or not own.filter(port=found.mail_port).exists():
        return render(request, "console/mailbox.html", {"is_there": False})
    senders = [account.from_address for account in own.filter(port=found.mail_port)]
    try:
        mails = [mail for mail in found.mails() if any(sender in mail.sender for sender in senders)]
    except Away:
        return render(request, "console/mailbox.html", {"is_there": True, "is_away": True})
    return render(request, "console/mailbox.html", {"is_there": True, "mails": mails})
