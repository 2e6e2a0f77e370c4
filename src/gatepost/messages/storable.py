"""What a provider says, as PostgreSQL can keep it. Nothing that comes in an answer or a callback may break a record."""

from decimal import Decimal
from typing import Any

from gatepost.providers.kit.answers import storable
from gatepost.sms.outcomes import Price

KEY = 200
CODE = 60
WORDS = 2000
UNIT = 20
MAX_AMOUNT = Decimal(10**8 - 1)
MAX_SMALL = 2**15 - 1
MAX_SERIAL = 2**31 - 1


def as_text(text: str, limit: int) -> str:
    """At most so many characters; NUL and halves of surrogate pairs become U+FFFD."""
    return storable(text[:limit])


def as_json(value: Any) -> Any:
    """The same for every text in a JSON value."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(name)): as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value


def as_price(price: Price | None) -> Price | None:
    """None for an amount that is no amount of money."""
    if price is None or not price.amount.is_finite() or abs(price.amount) > MAX_AMOUNT:
        return None
    return Price(price.amount, as_text(price.unit, UNIT))


def as_count(number: int | None) -> int | None:
    """None for what cannot be a number of segments."""
    return number if number is not None and 0 <= number <= MAX_SMALL else None
