"""REST: the price list."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from gatepost.campaigns import prices
from gatepost.campaigns.models import Price
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.rest.paging import Page, Paged, PageOf, page
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Campaigns"])


class PriceIn(Body):
    """The price of a segment to numbers of this prefix."""

    prefix: Annotated[str, Field(max_length=20, description="The first digits, such as 48; empty: everywhere.")] = ""
    price: Annotated[str, Field(max_length=30, description="Such as 0.032.")]
    currency: Annotated[str, Field(max_length=3)]
    gateway_id: Annotated[int | None, Field(ge=1, lt=2**63, description="Null: every gateway.")] = None


class PriceOut(Schema):
    id: int
    prefix: str
    price: str
    currency: str
    gateway_id: int | None
    gateway: str | None
    updated_at: datetime

    @staticmethod
    def resolve_price(row: Price) -> str:
        return prices.plain(row.amount)

    @staticmethod
    def resolve_gateway(row: Price) -> str | None:
        return row.gateway.name if row.gateway else None


class TableIn(Body):
    replace: Annotated[bool, Field(description="The list then holds these prices alone.")] = False


class TableOut(Schema):
    count: int


@router.get("/prices", auth=needs(Right.CAMPAIGNS_READ), response=PageOf[PriceOut])
def list_prices(request: HttpRequest, asked: Page) -> Paged[Price]:
    """The price list."""
    return page(prices.own(caller(request).workspace), asked)


@router.post("/prices", auth=needs(Right.WORKSPACE_WRITE), response=PriceOut)
def set_price(request: HttpRequest, said: PriceIn) -> Price:
    """Set the price of a prefix; one that there is gets replaced."""
    asker = caller(request)
    row = prices.save(
        asker.workspace,
        prefix=said.prefix,
        amount=said.price,
        currency=said.currency,
        gateway_id=said.gateway_id,
        actor=asker.actor,
    )
    return prices.find(asker.workspace, row.pk)


@router.post("/prices/import", auth=needs(Right.WORKSPACE_WRITE), response=TableOut)
def import_prices(request: HttpRequest, said: Form[TableIn], file: File[UploadedFile | None] = None) -> dict[str, int]:
    """Set the prices of a CSV table: the columns prefix and price, and where wanted currency and gateway."""
    asker = caller(request)
    if file is None:
        raise Problem("no_file")
    if (file.size or 0) > prices.LONGEST_TABLE:
        raise Problem("body_too_large", "A price list has at most 2 MiB.")
    return {"count": prices.read_table(asker.workspace, file.read(), replace=said.replace, actor=asker.actor)}


@router.delete("/prices/{int:price_id}", auth=needs(Right.WORKSPACE_WRITE), response={204: None})
def delete_price(request: HttpRequest, price_id: Id) -> Status[None]:
    """Forget a price."""
    asker = caller(request)
    prices.delete(prices.find(asker.workspace, price_id), actor=asker.actor)
    return Status(204, None)
