"""Saved filters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction

from gatepost.audience.filters import parse_filter
from gatepost.audience.models import Segment
from gatepost.audience.vocabulary import load
from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import User, Workspace
from gatepost.workspaces.services import audit


@dataclass(frozen=True, slots=True)
class Use:
    """What another slice needs segments for. `named_for`: what of it would be without a segment, by name; `outdate`:
    what was worked out from a segment's filter does not hold any more."""

    named_for: Callable[[Segment], Sequence[str]]
    outdate: Callable[[Segment], None]


_USES: Final[list[Use]] = []


def register(use: Use) -> None:
    """Let segments know that this slice needs them."""
    _USES.append(use)


def used_by(row: Segment) -> list[str]:
    """What needs the segment, by name."""
    return [name for use in _USES for name in use.named_for(row)]


def find(workspace: Workspace, segment_id: int) -> Segment:
    """One of the workspace's. Raises Problem `not_found`."""
    row = Segment.objects.filter(workspace=workspace, pk=segment_id).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such segment.")
    return row


def save(workspace: Workspace, name: str, filter_: Any, *, user: User | None = None, actor: str) -> Segment:
    """A new segment. Raises Problem `invalid` or `name_taken`."""
    values = {"name": _name(name), "filter": _filter(workspace, filter_)}
    with _once(), transaction.atomic():
        row = Segment.objects.create(workspace=workspace, created_by=user, **values)
        audit(actor, "segment.add", row, workspace)
    row.refresh_from_db()
    return row


def change(row: Segment, *, name: str | None = None, filter_: Any = None, actor: str) -> Segment:
    """Another name or filter; None leaves it as it is. Whoever fits the filter is in the segment from now on.

    Raises Problem `invalid`, `name_taken` or `not_found`.
    """
    values: dict[str, Any] = {} if name is None else {"name": _name(name)}
    values |= {} if filter_ is None else {"filter": _filter(row.workspace, filter_)}
    with _once(), transaction.atomic():
        Segment.objects.filter(pk=row.pk).update(**values)
        changed = find(row.workspace, row.pk)
        if changed.filter != row.filter:
            for use in _USES:
                use.outdate(changed)
        audit(actor, "segment.change", changed, row.workspace, changed=sorted(values))
    return changed


def delete(row: Segment, *, actor: str) -> None:
    """Forget the filter; its contacts stay."""
    with transaction.atomic():
        audit(actor, "segment.delete", row, row.workspace)
        row.delete()


def _name(text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not 1 <= len(name) <= 100:
        raise Problem("invalid", faults=[Fault("name", "bad_length", "Write a name of 1 to 100 characters.")])
    return name


def _filter(workspace: Workspace, said: Any) -> Any:
    parse_filter(load(workspace), said)
    return said or {}


@contextmanager
def _once() -> Iterator[None]:
    """What violates uniqueness is a name that is taken."""
    try:
        yield
    except IntegrityError:
        fault = Fault("name", "taken", "There is a segment of this name.")
        raise Problem("name_taken", faults=[fault]) from None
