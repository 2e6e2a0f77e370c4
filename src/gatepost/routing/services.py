"""Rules: making, changing, ordering and deleting them. Each change is audited, kept as a routing change, and told to
whoever accepts messages, in the same transaction."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import time
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import connection, transaction
from django.db.models import Max

from gatepost.gateways.deletion import Dependant, Effect
from gatepost.gateways.models import Gateway
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.routing.models import RouteRule, RouteTarget, RoutingChange
from gatepost.routing.rules import PURPOSES, WEEKDAYS
from gatepost.sms.dialling import dialling_prefixes
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import CONFIG_CHANNEL, audit, notify_changed

MAX_RULES: Final = 200
MAX_VALUES: Final = 200
MAX_WEIGHT: Final = 1000
MAX_TAG: Final = 40

LOCK_RULES: Final = 0x726F757465
"""Names the advisory lock under which places of rules are given."""


def create_rule(workspace: Workspace | None, values: Mapping[str, Any], *, actor: str) -> RouteRule:
    """A new rule at the end of the workspace's rules, or (None) of the installation's.

    `values`: the fields of RouteRule by name, and `targets` as pairs of a gateway's number and a weight. Raises Problem
    `invalid` or `too_many_rules`.
    """
    with transaction.atomic():
        _lock(workspace)
        own = RouteRule.objects.filter(workspace=workspace)
        if own.count() >= MAX_RULES:
            raise Problem("too_many_rules", f"There are {MAX_RULES} rules already.")
        fields, targets, workspaces = _clean(workspace, {"name": "", "targets": [], **values})
        last = own.aggregate(last=Max("position"))["last"]
        rule = RouteRule.objects.create(workspace=workspace, position=(last or 0) + 1, **fields)
        _set_targets(rule, targets or ())
        rule.workspaces.set(workspaces or ())
        words = f"The rule {rule} was added."
        _changed(rule.workspace, "route.create", rule, words, actor, _seen_by(rule))
    return rule


def update_rule(rule: RouteRule, values: Mapping[str, Any], *, actor: str) -> RouteRule:
    """Change what is named and leave the rest. Raises Problem `invalid`."""
    with transaction.atomic():
        _lock(rule.workspace)
        locked = RouteRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
        before, saw = locked.is_enabled, _seen_by(locked)
        fields, targets, workspaces = _clean(locked.workspace, values)
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save()
        if targets is not None:
            _set_targets(locked, targets)
        if workspaces is not None:
            locked.workspaces.set(workspaces)
        words = f"The rule {locked} was changed."
        if set(values) == {"is_enabled"} and before != locked.is_enabled:
            words = f"The rule {locked} was switched {'on' if locked.is_enabled else 'off'}."
        see = _seen_by(locked)
        seen_by = None if saw is None or see is None else sorted({*saw, *see})
        _changed(locked.workspace, "route.update", locked, words, actor, seen_by, changed=sorted(values))
    return locked


def delete_rule(rule: RouteRule, *, actor: str) -> None:
    """Take the rule away; messages that it chose for stay where they are."""
    with transaction.atomic():
        _lock(rule.workspace)
        words = f"The rule {rule} was deleted."
        _changed(rule.workspace, "route.delete", rule, words, actor, _seen_by(rule))
        rule.delete()


def reorder_rules(workspace: Workspace | None, rule_ids: Sequence[int], *, actor: str) -> None:
    """Ask the rules in this order from now on. Raises Problem `rules_changed` unless it names each of them once."""
    with transaction.atomic():
        _lock(workspace)
        rows = {rule.pk: rule for rule in RouteRule.objects.filter(workspace=workspace)}
        if sorted(rows) != sorted(rule_ids):
            raise Problem("rules_changed")
        for place, rule_id in enumerate(rule_ids, 1):
            rows[rule_id].position = place
        RouteRule.objects.bulk_update(rows.values(), ["position"])
        _changed(workspace, "route.order", "rules", "The rules were put into another order.", actor, rules=[*rule_ids])


def move_rule(rule: RouteRule, steps: int, *, actor: str) -> None:
    """So many places towards the end (negative: towards the start), as far as there are places."""
    with transaction.atomic():
        _lock(rule.workspace)
        order = [each.pk for each in RouteRule.objects.of(rule.workspace)]
        place = order.index(rule.pk)
        wanted = max(0, min(len(order) - 1, place + steps))
        if wanted != place:
            order.insert(wanted, order.pop(place))
            reorder_rules(rule.workspace, order, actor=actor)


def _lock(workspace: Workspace | None) -> None:
    """One change of the same rules at a time."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK_RULES + (workspace.pk if workspace else 0)])


def _seen_by(rule: RouteRule) -> list[int] | None:
    """Of a rule of the installation: the workspaces whose messages meet it, None for all of them."""
    if not rule.is_enabled:
        return []
    return sorted(rule.workspaces.values_list("pk", flat=True)) or None


def _changed(
    workspace: Workspace | None,
    action: str,
    subject: object,
    words: str,
    actor: str,
    seen_by: list[int] | None = None,
    **detail: Any,
) -> None:
    """Of the installation's rules: only workspaces that see the rule, or saw it before, may know of its change."""
    audit(actor, action, subject, workspace, **detail)
    kind = RoutingChange.ChangeKind.RULE
    RoutingChange.objects.create(
        workspace=workspace, kind=kind, words=words, actor=actor[:200], seen_by=None if workspace else seen_by
    )
    if workspace is not None:
        notify_changed(workspace)
        return
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, 'routes')", [CONFIG_CHANNEL])


def _set_targets(rule: RouteRule, targets: Iterable[tuple[Gateway, int]]) -> None:
    rule.targets.all().delete()
    RouteTarget.objects.bulk_create(RouteTarget(rule=rule, gateway=each, weight=weight) for each, weight in targets)


Targets = list[tuple[Gateway, int]]


def _clean(
    workspace: Workspace | None, values: Mapping[str, Any]
) -> tuple[dict[str, Any], Targets | None, list[Workspace] | None]:
    """Columns, targets and workspaces, as far as they are given. Raises Problem `invalid` with all faults."""
    faults: list[Fault] = []
    fields: dict[str, Any] = {}
    targets: Targets | None = None
    workspaces: list[Workspace] | None = None
    for name, value in values.items():
        try:
            if name == "targets":
                targets = _targets(workspace, value)
            elif name == "workspaces":
                workspaces = _workspaces(workspace, value)
            else:
                fields[name] = _CLEANERS[name](value)
        except _Unfit as unfit:
            faults.append(Fault(name, unfit.code, unfit.words))
    if faults:
        raise Problem("invalid", faults=faults)
    return fields, targets, workspaces


class _Unfit(Exception):
    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


def _targets(workspace: Workspace | None, pairs: Iterable[tuple[int, int]]) -> Targets:
    pairs = list(pairs)
    if not pairs:
        raise _Unfit("required", "Choose at least one gateway.")
    if len({gateway_id for gateway_id, _ in pairs}) < len(pairs):
        raise _Unfit("twice", "Name each gateway once.")
    if any(not 0 <= weight <= MAX_WEIGHT for _, weight in pairs):
        raise _Unfit("out_of_range", f"A weight is a whole number from 0 to {MAX_WEIGHT}.")
    if all(weight == 0 for _, weight in pairs):
        raise _Unfit("no_weight", "Give at least one gateway a weight above 0.")
    own = Gateway.objects.all() if workspace is None else Gateway.objects.filter(workspaces=workspace)
    found = own.in_bulk([gateway_id for gateway_id, _ in pairs])
    missing = [gateway_id for gateway_id, _ in pairs if gateway_id not in found]
    if missing:
        raise _Unfit("unknown_gateway", f"There is no gateway with the number {missing[0]} here.")
    return [(found[gateway_id], weight) for gateway_id, weight in pairs]


def _workspaces(workspace: Workspace | None, ids: Iterable[int]) -> list[Workspace]:
    ids = list(ids)
    if ids and workspace is not None:
        raise _Unfit("not_here", "Only rules of the installation choose between workspaces.")
    found = Workspace.objects.in_bulk(ids)
    missing = [each for each in ids if each not in found]
    if missing:
        raise _Unfit("unknown_workspace", f"There is no workspace with the number {missing[0]}.")
    return list(found.values())


def _name(value: str) -> str:
    name = value.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable() or not is_storable(name):
        raise _Unfit("bad_length", "Write a name of 1 to 100 characters.")
    return name


def _each(values: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    read_values = list(dict.fromkeys(read(value) for value in values))
    if len(read_values) > MAX_VALUES:
        raise _Unfit("too_many", f"At most {MAX_VALUES} values.")
    return read_values


def _prefix(value: str) -> str:
    digits = re.sub(r"[\s().-]", "", value)
    digits = digits.removeprefix("+") if digits.startswith("+") else digits.removeprefix("00")
    if not re.fullmatch("[1-9][0-9]{0,14}", digits):
        raise _Unfit("bad_prefix", "Write the beginning of a number with its country code, such as +48 or +4860.")
    return digits


def _country(value: str) -> str:
    country = value.strip().upper()
    if not re.fullmatch("[A-Z]{2}", country) or not dialling_prefixes(country):
        raise _Unfit("bad_country", "Write two-letter country codes such as PL.")
    return country


def _text(limit: int, words: str) -> Callable[[Any], str]:
    def read(value: str) -> str:
        text = value.strip()
        if not 1 <= len(text) <= limit or not text.isprintable() or not is_storable(text):
            raise _Unfit("bad_text", words)
        return text

    return read


def _one_of(known: Iterable[Any], words: str) -> Callable[[Any], Any]:
    allowed = frozenset(known)

    def read(value: Any) -> Any:
        if value not in allowed:
            raise _Unfit("bad_choice", words)
        return value

    return read


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _Unfit("bad_zone", "Write a time zone such as Europe/Warsaw.") from None
    return value


def _clock(value: time | None) -> time | None:
    return value.replace(tzinfo=None, microsecond=0) if value else None


def _lists(read: Callable[[Any], Any]) -> Callable[[Iterable[Any]], list[Any]]:
    return lambda values: _each(values, read)


_SENDER = _text(20, "Write sender IDs of 1 to 20 characters.")
_TAG = _text(MAX_TAG, f"Write tags of 1 to {MAX_TAG} characters.")


def _campaign(value: int) -> int:
    if not 0 < value < 2**63:
        raise _Unfit("bad_campaign", "Write the numbers of campaigns.")
    return value


_CLEANERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _name,
    "is_enabled": bool,
    "only_these": bool,
    "prefixes": _lists(_prefix),
    "countries": _lists(_country),
    "senders": _lists(_SENDER),
    "tags": _lists(_TAG),
    "purposes": _lists(_one_of(PURPOSES, f"One of {', '.join(PURPOSES)}.")),
    "campaigns": _lists(_campaign),
    "weekdays": _lists(_one_of(range(len(WEEKDAYS)), "Weekdays are 0 (Monday) to 6 (Sunday).")),
    "starts": _clock,
    "ends": _clock,
    "zone": _zone,
}


def _leading_to(gateway: Gateway) -> Iterator[Effect]:
    yield Effect("rules that lead to it", gateway.route_targets.count(), "lead to their other gateways, or nowhere")


def _let_go(gateway: Gateway, _heir: Gateway | None) -> None:
    """Rows that lead to it go with it."""


DEPENDANT: Final = Dependant(_leading_to, _let_go)
