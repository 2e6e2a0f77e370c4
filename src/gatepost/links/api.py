"""REST: the address of short links, and what was clicked in a campaign."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from gatepost.links import services
from gatepost.rest.bodies import Body
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Links"])


class LinkSettingsIn(Body):
    base_url: Annotated[str, Field(max_length=200, description="Empty: the installation's own address.")]


class LinkSettingsOut(Schema):
    base_url: Annotated[str, Field(description="In use now; empty where there is none.")]


class LinkUseOut(Schema):
    url: str
    recipients: int
    opened_by: Annotated[int, Field(description="Recipients who opened it; obvious robots are not counted.")]
    clicks: int
    last_at: datetime | None


class LinkUsesOut(Schema):
    items: list[LinkUseOut]


class LinkQuery(Schema):
    campaign_id: Annotated[int, Field(ge=1, le=2**63 - 1)]


@router.get("/links", auth=needs(Right.MESSAGES_READ), response=LinkUsesOut)
def list_links(request: HttpRequest, wanted: Query[LinkQuery]) -> Any:
    """The shortened links of a campaign, and how often each was opened."""
    return {"items": services.uses(caller(request).workspace, wanted.campaign_id)}


@router.get("/links/settings", auth=needs(Right.WORKSPACE_READ), response=LinkSettingsOut)
def read_link_settings(request: HttpRequest) -> Any:
    """Under which address short links are."""
    return {"base_url": services.base_url(caller(request).workspace)}


@router.put("/links/settings", auth=needs(Right.WORKSPACE_WRITE), response=LinkSettingsOut)
def update_link_settings(request: HttpRequest, new: LinkSettingsIn) -> Any:
    """Have short links under another address. It must lead to this installation."""
    asker = caller(request)
    services.set_base_url(asker.workspace, new.base_url, actor=asker.actor)
    return {"base_url": services.base_url(asker.workspace)}
