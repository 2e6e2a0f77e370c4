"""The base of everything that a client sends or asks for by query."""

from typing import Annotated

from ninja import Path, Schema
from pydantic import ConfigDict, Field


class Body(Schema):
    """What a client sends: a name that we do not know is a fault, so that a typing error does not vanish."""

    model_config = ConfigDict(extra="forbid")


Name = Annotated[str, Field(min_length=1, max_length=100)]
Id = Annotated[int, Path(description="Its number.")]
