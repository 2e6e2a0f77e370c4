"""Ending mass mails: the address in the mail, and the list of those who do not want any."""

from typing import Final

from django.conf import settings
from django.core import signing
from django.urls import reverse

from gatepost.channels.models import EmailSuppression, Mail
from gatepost.messages.models import Kind
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

_SALT: Final = "gatepost.unsubscribe"


def address_for(mail: Mail) -> str:
    """Where the recipient of a mass mail ends them; empty for others, and where nobody knows our public address."""
    public = settings.CONFIG["PUBLIC_URL"]
    if mail.kind != Kind.MASS or not public:
        return ""
    token = signing.dumps([mail.workspace_id, mail.to_address], salt=_SALT, compress=True)
    return str(public) + reverse("portal-unsubscribe", kwargs={"token": token})


def read(token: str) -> tuple[Workspace, str] | None:
    """Whose mails to which address the token ends; None where it is not one of ours."""
    try:
        workspace_id, address = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    workspace = Workspace.objects.filter(pk=workspace_id).first()
    return (workspace, address) if workspace else None


def suppress(workspace: Workspace, address: str, *, source: str, actor: str) -> bool:
    """No more mass mails to the address; whether that is new."""
    _, is_new = EmailSuppression.objects.get_or_create(
        workspace=workspace, address=address, defaults={"source": source}
    )
    if is_new:
        audit(actor, "email-suppression.add", source, workspace)
    return is_new


def allow(workspace: Workspace, address: str, *, actor: str) -> bool:
    """Mass mails to the address again; whether it was on the list."""
    count, _ = EmailSuppression.objects.filter(workspace=workspace, address=address).delete()
    if count:
        audit(actor, "email-suppression.remove", "person", workspace)
    return bool(count)


def is_suppressed(workspace: Workspace, address: str) -> bool:
    return EmailSuppression.objects.filter(workspace=workspace, address=address).exists()
