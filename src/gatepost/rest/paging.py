"""Lists by cursor: newest first, one index range per page, steady while rows are added."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema
from pydantic import Field

from gatepost.problems import Fault, Problem
from gatepost.rest.storable import as_id

T = TypeVar("T")
M = TypeVar("M", bound=Model)


class PageQuery(Schema):
    """Which page of a list."""

    cursor: Annotated[str, Field(max_length=100, description="`next_cursor` of the page before.")] = ""
    limit: Annotated[int, Field(ge=1, le=200, description="Most items of the page.")] = 50


Page = Query[PageQuery]


class PageOf(Schema, Generic[T]):
    """A page of a list. `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """The rows of a page, which a PageOf shows."""

    items: list[T]
    next_cursor: str | None


def page(rows: QuerySet[M], asked: PageQuery) -> Paged[M]:
    """The rows of one page by descending id. Raises Problem `bad_cursor`."""
    if asked.cursor:
        rows = rows.filter(pk__lt=_position(asked.cursor))
    found = list(rows.order_by("-pk")[: asked.limit + 1])
    items = found[: asked.limit]
    return Paged(items, cursor(items[-1].pk) if len(found) > asked.limit else None)


def cursor(position: int) -> str:
    """The cursor of the page that follows the row with this id."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def _position(text: str) -> int:
    try:
        digits = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        digits = ""
    position = as_id(digits)
    if position is None:
        raise Problem("bad_cursor", faults=[Fault("cursor", "bad_cursor", "This cursor is not one of ours.")])
    return position
