"""Campaigns until they are sent: finding, writing, copying and removing them, and what is still wrong with one."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gatepost.audience import segments
from gatepost.audience.filters import parse_filter, restricts, to_q
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import load
from gatepost.campaigns import fields, leftovers
from gatepost.campaigns.models import Campaign
from gatepost.channels.base import CHANNELS, Order
from gatepost.links import services as links
from gatepost.links.shortening import Shortener
from gatepost.messages.checks import MAX_AHEAD
from gatepost.problems import Fault, Problem
from gatepost.texts.language import compile_text
from gatepost.texts.values import placeholders
from gatepost.workspaces.models import ApiKey, User, Workspace
from gatepost.workspaces.services import audit

Status = Campaign.Status


def own(workspace: Workspace) -> QuerySet[Campaign]:
    """The campaigns of the workspace."""
    return Campaign.objects.filter(workspace=workspace)


def find(workspace: Workspace, campaign_id: int) -> Campaign:
    """One of them. Raises Problem `not_found`."""
    row = own(workspace).select_related("workspace").filter(pk=campaign_id).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such campaign.")
    return row


def create(
    workspace: Workspace,
    changes: Mapping[str, Any],
    *,
    user: User | None = None,
    key: ApiKey | None = None,
    peer: str | None = None,
    actor: str,
) -> Campaign:
    """A new draft, with the values of `fields.FIELDS` that are given; `peer`: the address that the key was used from.

    What is not said of short links is taken from the gateway that it goes by.
    Raises Problem `invalid`.
    """
    row = Campaign(workspace=workspace, created_by=user, api_key=key, peer=peer, actor=actor)
    faults = fields.fill(row, changes)
    if faults:
        raise Problem("invalid", faults=faults)
    if "shorten" not in changes:
        row.shorten = Campaign.SendTo.SMS in row.channels and links.starts_shortened(workspace, row.gateway)
    with transaction.atomic():
        row.save()
        audit(actor, "campaign.create", row, workspace)
    row.refresh_from_db()
    return row


def save(
    row: Campaign, changes: Mapping[str, Any], *, version: int | None = None, partly: bool = False, actor: str
) -> Campaign:
    """Change a draft. `version`: the one that the change was made to; None: whichever there is.

    `partly`: what fits is kept even where something else does not (for saving while somebody types).
    Raises Problem `invalid`, `campaign_changed` where somebody else saved it meanwhile, `campaign_sent` when it is no
    draft any more.
    """
    with transaction.atomic():
        locked = Campaign.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=row.pk)
        if not locked.is_draft:
            raise Problem("campaign_sent")
        if version is not None and version != locked.version:
            raise Problem("campaign_changed", more={"version": locked.version})
        attached = {*locked.attachments}
        faults = fields.fill(locked, changes)
        if not faults or partly:
            locked.version += 1
            locked.actor = actor
            locked.updated_at = timezone.now()
            locked.save()
            leftovers.consider(attached - {*locked.attachments})
    if faults:
        raise Problem("invalid", faults=faults, more={"version": locked.version} if partly else {})
    return locked


def copy(row: Campaign, *, user: User | None = None, actor: str) -> Campaign:
    """A new draft with what this one says. One that is sent again to some is copied with the same recipients."""
    said = {name: getattr(row, name) for name in fields.FIELDS}
    made = Campaign(workspace=row.workspace, created_by=user, actor=actor, again_of_id=row.again_of_id, **said)
    made.name = f"{row.name} (copy)"[:150] if row.name else ""
    with transaction.atomic():
        made.save()
        audit(actor, "campaign.copy", made, row.workspace, of=row.pk)
    made.refresh_from_db()
    return made


def remove(row: Campaign, *, actor: str) -> None:
    """Take it out of the list; what was sent stays for the accounts. Raises Problem `campaign_running`."""
    with transaction.atomic():
        stopped = (Status.DRAFT, Status.SENT, Status.CANCELLED)
        gone = Campaign.objects.filter(pk=row.pk, status__in=stopped, removed_at=None).update(removed_at=timezone.now())
        if not gone and Campaign.objects.filter(pk=row.pk, removed_at=None).exists():
            raise Problem("campaign_running")
        if gone:
            audit(actor, "campaign.remove", row, row.workspace)


def people(row: Campaign) -> QuerySet[Contact]:
    """Whom it means now. Raises Problem `invalid`, or `not_found` for a segment that is gone."""
    found = Contact.objects.filter(workspace=row.workspace)
    if row.again_of_id is None:
        found = found.filter(kind=row.recipient_kind)
    vocabulary = load(row.workspace)
    for one in filters_of(row):
        found = found.filter(to_q(parse_filter(vocabulary, one)))
    return found


def filters_of(row: Campaign) -> list[Any]:
    """What restricts whom it means: the filter of its segment, and its own. Raises Problem `not_found`."""
    of_segment = [] if row.segment_id is None else [segments.find(row.workspace, row.segment_id).filter]
    return [*of_segment, *([row.filter] if row.filter else [])]


def is_for_everyone(row: Campaign) -> bool:
    """Whether nothing restricts who gets it. Raises Problem `not_found` for a segment that is gone."""
    return row.again_of_id is None and not any(restricts(one) for one in filters_of(row))


def order_of(row: Campaign, kind: str = "mass") -> Order:
    """What all its messages have in common."""
    return Order(
        workspace_id=row.workspace_id,
        kind=kind,
        campaign_id=row.pk,
        user_id=row.created_by_id,
        api_key_id=row.api_key_id,
        peer=row.peer,
        gateway=row.gateway,
        sender=row.sender,
        priority=row.priority,
        tag=row.tag,
        to_billing=row.to_billing,
        shorten=row.shorten,
    )


def due(row: Campaign) -> datetime | None:
    """When it is due by its own clock; None: at once, or (for `local`) for each recipient at another moment."""
    if row.schedule != Campaign.Schedule.AT or row.send_at is None:
        return None
    return at_local(row.send_at, row.time_zone)


def at_local(shown: datetime, zone: str) -> datetime:
    """The moment at which clocks of the zone show that (kept as if it were UTC); an unknown zone is UTC."""
    return shown.astimezone(UTC).replace(tzinfo=fields.zone_of(zone)).astimezone(UTC)


def digest(row: Campaign) -> str:
    """The same for campaigns that say the same by the same channel."""
    said = "\x1f".join((row.send_to, row.subject.strip(), row.text.strip()))
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def faults(row: Campaign) -> list[Fault]:
    """What keeps it from being sent; everything that needs no look at its recipients."""
    found = _faults_of_text(row)
    for name in row.channels:
        if name not in CHANNELS:
            found.append(Fault("send_to", "bad_choice", "This channel is not there."))
            continue
        found += CHANNELS[name].faults(order_of(row))
        if CHANNELS[name].needs_subject and not row.subject.strip():
            found.append(Fault("subject", "required", "Write a subject."))
    try:
        people(row)
    except Problem as problem:
        found += problem.faults or [Fault("segment", "not_found", problem.detail)]
    if row.schedule != Campaign.Schedule.NOW:
        found += _faults_of_time(row)
    try:
        shortener_of(row)
    except Problem as problem:
        found.append(Fault("shorten", problem.code, f"{problem.detail} {problem.remedy}"))
    if row.only_with_documents and not row.document_kinds:
        found.append(Fault("document_kinds", "required", "Choose which documents."))
    unique = {(fault.field, fault.code): fault for fault in found}
    return list(unique.values())


def shortener_of(row: Campaign) -> Shortener | None:
    """What shortens its links; None where that is not wanted, or a gateway does so. Raises Problem."""
    if not row.shorten:
        return None
    is_sms = Campaign.SendTo.SMS in row.channels
    return links.shortener_for(row.workspace, campaign_id=row.pk or 0, gateway=row.gateway, is_sms=is_sms)


def shortened_by(row: Campaign) -> str:
    """The gateway that would shorten its links itself, for which ours is not done; empty where there is none."""
    if not row.shorten or Campaign.SendTo.SMS not in row.channels:
        return ""
    return links.shortening_gateway(row.workspace, row.gateway)


def _faults_of_text(row: Campaign) -> list[Fault]:
    found = [] if row.text.strip() else [Fault("text", "required", "Write a message.")]
    known = placeholders(load(row.workspace))
    for name, source in (("text", row.text), ("subject", row.subject)):
        try:
            compile_text(source, known, about=name)
        except Problem as problem:
            found += problem.faults
    return found


def _faults_of_time(row: Campaign) -> list[Fault]:
    if row.send_at is None:
        return [Fault("send_at", "required", "Choose when.")]
    # Somewhere the clocks show it up to half a day earlier or later.
    margin = timedelta(hours=14) if row.schedule == Campaign.Schedule.LOCAL else timedelta(minutes=1)
    moment, now = due(row) or row.send_at, timezone.now()
    if moment + margin < now:
        return [Fault("send_at", "past", "This time has passed.")]
    if moment > now + MAX_AHEAD - timedelta(days=1):
        return [Fault("send_at", "send_at_too_far", f"At most {MAX_AHEAD.days - 1} days ahead.")]
    return []
