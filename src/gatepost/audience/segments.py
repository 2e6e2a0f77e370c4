"""Saved filters."""

from typing import Any

from django.db import IntegrityError, transaction

from gatepost.audience.filters import parse_filter
from gatepost.audience.models import Segment
from gatepost.audience.vocabulary import load
from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import User, Workspace
from gatepost.workspaces.services import audit


def find(workspace: Workspace, segment_id: int) -> Segment:
    """One of the workspace's. Raises Problem `not_found`."""
    row = Segment.objects.filter(workspace=workspace, pk=segment_id).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such segment.")
    return row


def save(workspace: Workspace, name: str, filter_: Any, *, user: User | None = None, actor: str) -> Segment:
    """A new segment. Raises Problem `invalid` or `name_taken`."""
    name = " ".join(name.replace("\x00", "").split())
    if not 1 <= len(name) <= 100:
        raise Problem("invalid", faults=[Fault("name", "bad_length", "Write a name of 1 to 100 characters.")])
    parse_filter(load(workspace), filter_)
    try:
        with transaction.atomic():
            row = Segment.objects.create(workspace=workspace, name=name, filter=filter_ or {}, created_by=user)
            audit(actor, "segment.add", row, workspace)
    except IntegrityError:
        fault = Fault("name", "taken", "There is a segment of this name.")
        raise Problem("name_taken", faults=[fault]) from None
    row.refresh_from_db()
    return row


def delete(row: Segment, *, actor: str) -> None:
    """Forget the filter; its contacts stay."""
    with transaction.atomic():
        audit(actor, "segment.delete", row, row.workspace)
        row.delete()
