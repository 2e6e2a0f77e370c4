"""The base of everything that a client sends or asks for by query."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Path, Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field


class Body(Schema):
    """What a client sends: a name that we do not know is a fault, so that a typing error does not vanish."""

    model_config = ConfigDict(extra="forbid")


def _in_utc(moment: datetime) -> datetime:
    """PostgreSQL refuses offsets beyond 16 hours, and there are no times outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time does not exist") from None


Name = Annotated[str, Field(min_length=1, max_length=100)]
Id = Annotated[int, Path(description="Its number.")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
