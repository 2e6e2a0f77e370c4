"""REST: how gateways do, and what happened to the ways of messages."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from gatepost.gateways.access import find
from gatepost.rest.bodies import Id
from gatepost.rest.paging import Page, PageOf, page
from gatepost.routing import access, health_store
from gatepost.routing.models import GatewayHealth, RoutingChange
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Routes"])


class HealthOut(Schema):
    """`score`: 0 to 100, null without traffic in the last minutes. `share`: of new messages that try it on trial."""

    standing: Literal["up", "trial", "down"]
    since: datetime | None
    cause: str
    share: float
    score: int | None
    reasons: list[str]
    measured_at: datetime | None


class CountryHealthOut(HealthOut):
    """The same for the messages to one country, which may be down alone."""

    country: Annotated[str, Field(description="ISO 3166 code.")]


class GatewayHealthOut(HealthOut):
    """How a gateway does everywhere, and in each country that it was used for lately."""

    gateway: int
    countries: list[CountryHealthOut]


class RoutingChangeOut(Schema):
    id: int
    at: datetime
    kind: RoutingChange.ChangeKind
    gateway: Annotated[int | None, Field(alias="gateway_id")]
    words: str
    actor: str


@router.get("/gateways/{int:gateway_id}/health", auth=needs(Right.GATEWAYS_READ), response=GatewayHealthOut)
def read_health(request: HttpRequest, gateway_id: Id) -> dict[str, Any]:
    """Where the gateway stands, its score, and the reasons for it."""
    gateway = find(caller(request), gateway_id)
    rows = list(GatewayHealth.objects.filter(gateway=gateway))
    everywhere = next((row for row in rows if not row.country), GatewayHealth(gateway=gateway))
    return {
        **_health(everywhere),
        "gateway": gateway.pk,
        "countries": [
            {"country": row.country, **_health(row)} for row in rows if row.country and health_store.says_something(row)
        ],
    }


def _health(row: GatewayHealth) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _NAMES} | ({} if health_store.is_fresh(row) else _NOTHING)


@router.get("/routes/changes", auth=needs(Right.ROUTES_READ), response=PageOf[RoutingChangeOut])
def list_routing_changes(request: HttpRequest, asked: Page) -> Any:
    """What happened to rules, defaults, and the gateways of the workspace, newest first."""
    return page(access.changes(caller(request)), asked)


_NAMES = ("standing", "since", "cause", "share", "score", "reasons", "measured_at")
_NOTHING: dict[str, Any] = {"score": None, "reasons": []}
