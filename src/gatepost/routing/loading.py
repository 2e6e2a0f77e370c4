"""The rules as they are applied, read from where they are kept."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from gatepost.pages.zones import named
from gatepost.routing.models import Conversation, RouteRule
from gatepost.routing.rules import Conditions, Hours, Rule, compiled


def rules_for(workspace_id: int) -> tuple[Rule, ...]:
    """The rules that a message of the workspace meets, in their order."""
    return tuple(as_rule(row) for row in RouteRule.objects.asked_for(workspace_id))


def as_rule(row: RouteRule) -> Rule:
    """A stored rule, ready to be asked."""
    conditions = Conditions(
        prefixes=tuple(row.prefixes),
        countries=frozenset(row.countries),
        senders=frozenset(row.senders),
        tags=frozenset(row.tags),
        purposes=frozenset(row.purposes),
        campaigns=frozenset(row.campaigns),
        workspaces=frozenset(workspace.pk for workspace in row.workspaces.all()),
        hours=_hours(row, named(row.zone)),
    )
    return compiled(
        row.pk,
        row.name,
        conditions,
        [(target.gateway_id, target.weight) for target in row.targets.all()],
        only_these=row.only_these,
        is_installation=row.workspace_id is None,
    )


def conversations(workspace_id: int, numbers: Iterable[str]) -> dict[str, int]:
    """Through which gateway each of the numbers wrote last."""
    found = Conversation.objects.filter(workspace_id=workspace_id, digits__in=list(numbers))
    return dict(found.values_list("digits", "gateway_id"))


def _hours(row: RouteRule, zone: ZoneInfo) -> Hours | None:
    if not row.weekdays and row.starts is None and row.ends is None:
        return None
    return Hours(zone, frozenset(row.weekdays), row.starts, row.ends)
