"""Sender IDs of a workspace: asked for by its people, decided by the installation administrator."""

from django.db import IntegrityError, transaction

from gatepost.gateways.models import Gateway, SenderId
from gatepost.gateways.settings import provider_of
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit, notify_changed


def request_sender_id(workspace: Workspace, sender: str, gateway: Gateway | None = None, *, actor: str) -> SenderId:
    """Ask for a sender ID, for one gateway or for all. Raises Problem `invalid` or `name_taken`."""
    wanted = sender.strip()
    if not 1 <= len(wanted) <= 20 or not wanted.isprintable() or not is_storable(wanted):
        raise Problem("invalid", faults=[Fault("sender", "bad_sender", "Write 1 to 20 characters that can be seen.")])
    if gateway is not None:
        rule = provider_of(gateway.provider).manifest.sender
        if not rule.allows(wanted):
            raise Problem("invalid", faults=[Fault("sender", "bad_sender", f"{gateway} takes {rule.words}")])
    try:
        with transaction.atomic():
            row = SenderId.objects.create(workspace=workspace, gateway=gateway, sender=wanted)
            audit(actor, "sender.request", wanted, workspace)
    except IntegrityError:
        fault = Fault("sender", "taken", "The workspace has asked for this sender ID before.")
        raise Problem("name_taken", fault.detail, faults=[fault]) from None
    return row


def decide(row: SenderId, *, is_approved: bool, reason: str = "", actor: str) -> SenderId:
    """Approve or refuse it; an approval can be taken back by refusing. A refused one is no default."""
    status = SenderId.Status.APPROVED if is_approved else SenderId.Status.REFUSED
    with transaction.atomic():
        locked = SenderId.objects.select_for_update().get(pk=row.pk)
        if locked.status == status:
            raise Problem("already_decided", f"The sender ID is {status} already.")
        locked.status = status
        locked.reason = reason.strip()[:500]
        locked.is_default = locked.is_default and is_approved
        locked.save(update_fields=["status", "reason", "is_default"])
        audit(actor, "sender.decide", locked, locked.workspace, status=str(status))
        notify_changed(locked.workspace)
    return locked


def make_default(row: SenderId, *, actor: str) -> SenderId:
    """The workspace's default from now on; only an approved one can be."""
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=row.workspace_id)
        locked = SenderId.objects.select_for_update().get(pk=row.pk)
        if locked.status != SenderId.Status.APPROVED:
            fault = Fault("is_default", "not_approved", "Only an approved sender ID can be the default.")
            raise Problem("invalid", faults=[fault])
        SenderId.objects.filter(workspace_id=locked.workspace_id, is_default=True).update(is_default=False)
        locked.is_default = True
        locked.save(update_fields=["is_default"])
        audit(actor, "sender.default", locked, locked.workspace)
        notify_changed(locked.workspace)
    return locked


def delete_sender_id(row: SenderId, *, actor: str) -> None:
    """Take it off the workspace's list."""
    with transaction.atomic():
        audit(actor, "sender.delete", row, row.workspace)
        notify_changed(row.workspace)
        row.delete()
