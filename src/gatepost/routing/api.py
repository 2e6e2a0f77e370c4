"""REST: the rules that choose gateways. Where a message would go is asked in messages/api_where.py."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from gatepost.rest.bodies import Body, Id, Name
from gatepost.routing import access, services
from gatepost.routing.models import RouteRule
from gatepost.workspaces.access import Caller, caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Routes"])

Number = Annotated[int, Field(ge=1, lt=2**63)]
Texts = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=services.MAX_VALUES)]
Numbers = Annotated[list[Number], Field(max_length=services.MAX_VALUES)]


class TargetIn(Body):
    """A gateway by its number. Of several each gets its share; one of weight 0 stands in when no other can."""

    gateway: Number
    weight: Annotated[int, Field(ge=0, le=services.MAX_WEIGHT)] = 1


class TargetOut(Schema):
    gateway: int
    weight: int


class RuleFields(Body):
    """Left out: not touched. A condition that is empty does not restrict."""

    is_enabled: bool | None = None
    only_these: Annotated[
        bool | None, Field(description="Where none of its gateways takes a message, nothing after it is asked.")
    ] = None
    prefixes: Annotated[Texts | None, Field(description="Beginnings of numbers, such as +4860.")] = None
    countries: Annotated[Texts | None, Field(description="ISO 3166 codes.")] = None
    senders: Texts | None = None
    tags: Texts | None = None
    purposes: Annotated[Texts | None, Field(description=f"What a message is for: {', '.join(services.PURPOSES)}.")] = (
        None
    )
    campaigns: Numbers | None = None
    workspaces: Annotated[Numbers | None, Field(description="Of rules of the installation alone.")] = None
    weekdays: Annotated[
        list[Annotated[int, Field(ge=0, le=6)]] | None, Field(max_length=7, description="0 is Monday.")
    ] = None
    starts: Annotated[time | None, Field(description="Wall clock time in `zone`.")] = None
    ends: Annotated[time | None, Field(description="Before `starts`: on the next day.")] = None
    zone: Annotated[str | None, Field(max_length=60)] = None

    def values(self) -> dict[str, Any]:
        """What was sent; null clears a time, and is nothing elsewhere."""
        sent = self.model_dump(exclude_unset=True, exclude={"scope"})
        found = {name: value for name, value in sent.items() if value is not None or name in ("starts", "ends")}
        targets = getattr(self, "targets", None)
        if targets is not None:
            found["targets"] = [(target.gateway, target.weight) for target in targets]
        return found


class NewRule(RuleFields):
    """`scope`: the installation's rules are asked after the workspace's own; administrators alone make them."""

    scope: Literal["workspace", "installation"] = "workspace"
    name: Name
    targets: Annotated[list[TargetIn], Field(min_length=1, max_length=50)]


class RuleChanges(RuleFields):
    name: Name | None = None
    targets: Annotated[list[TargetIn] | None, Field(min_length=1, max_length=50)] = None


class RuleOut(Schema):
    id: int
    scope: Literal["workspace", "installation"]
    name: str
    is_enabled: bool
    only_these: bool
    prefixes: list[str]
    countries: list[str]
    senders: list[str]
    tags: list[str]
    purposes: list[str]
    campaigns: list[int]
    workspaces: list[int]
    weekdays: list[int]
    starts: time | None
    ends: time | None
    zone: str
    targets: list[TargetOut]
    created_at: datetime
    updated_at: datetime


class RulesOut(Schema):
    """Rules in the order in which they are asked."""

    items: list[RuleOut]


class NewOrder(Body):
    """Each rule of the scope once, the one that is asked first in front."""

    scope: Literal["workspace", "installation"] = "workspace"
    rules: Annotated[list[Number], Field(max_length=services.MAX_RULES)]


@router.get("/routes", auth=needs(Right.ROUTES_READ), response=RulesOut)
def list_routes(request: HttpRequest) -> dict[str, Any]:
    """The rules that messages of the workspace meet: its own, then those of the installation."""
    asker = caller(request)
    return {"items": _shown(asker, [*access.own(asker), *access.of_installation(asker)])}


@router.post("/routes", auth=needs(Right.ROUTES_WRITE), response={201: RuleOut})
def create_route(request: HttpRequest, new: NewRule) -> Status[dict[str, Any]]:
    """Add a rule at the end of the list."""
    asker = caller(request)
    rule = services.create_rule(access.scope(asker, new.scope), new.values(), actor=asker.actor)
    return Status(201, _one(asker, rule))


@router.post("/routes/order", auth=needs(Right.ROUTES_WRITE), response=RulesOut)
def reorder_routes(request: HttpRequest, order: NewOrder) -> dict[str, Any]:
    """Put the rules into another order."""
    asker = caller(request)
    services.reorder_rules(access.scope(asker, order.scope), order.rules, actor=asker.actor)
    return {"items": _shown(asker, [*access.own(asker), *access.of_installation(asker)])}


@router.get("/routes/{int:rule_id}", auth=needs(Right.ROUTES_READ), response=RuleOut)
def read_route(request: HttpRequest, rule_id: Id) -> dict[str, Any]:
    """One rule."""
    asker = caller(request)
    return _one(asker, access.find(asker, rule_id))


@router.patch("/routes/{int:rule_id}", auth=needs(Right.ROUTES_WRITE), response=RuleOut)
def update_route(request: HttpRequest, rule_id: Id, changes: RuleChanges) -> dict[str, Any]:
    """Change what is named and leave the rest."""
    asker = caller(request)
    rule = access.find_changeable(asker, rule_id)
    return _one(asker, services.update_rule(rule, changes.values(), actor=asker.actor))


@router.delete("/routes/{int:rule_id}", auth=needs(Right.ROUTES_WRITE), response={204: None})
def delete_route(request: HttpRequest, rule_id: Id) -> Status[None]:
    """Take a rule away. Messages that it chose a gateway for stay there."""
    asker = caller(request)
    services.delete_rule(access.find_changeable(asker, rule_id), actor=asker.actor)
    return Status(204, None)


def _one(asker: Caller, rule: RouteRule) -> dict[str, Any]:
    return _shown(asker, [access.find(asker, rule.pk)])[0]


def _shown(asker: Caller, rules: Sequence[RouteRule]) -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(rule, name) for name in RuleOut.model_fields if name in _PLAIN},
            "scope": "workspace" if rule.workspace_id else "installation",
            "workspaces": [each.pk for each in rule.workspaces.all()] if asker.is_administrator else [],
            "targets": [
                {"gateway": target.gateway_id, "weight": target.weight} for target in access.targets_of(asker, rule)
            ],
        }
        for rule in rules
    ]


_PLAIN = frozenset(field.name for field in RouteRule._meta.concrete_fields)
