"""A receipt as it is kept: fit for the database, the names under which it waits while it is parked, and its JSON."""

from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gatepost.messages import storable
from gatepost.providers.base import Receipt
from gatepost.sms.ids import from_ref, to_ref
from gatepost.sms.outcomes import Price, Refusal
from gatepost.sms.states import State

_FIELDS: Final = tuple(field.name for field in fields(Receipt))


def as_storable(receipt: Receipt) -> Receipt:
    """The same, fit for the database: what is too long is cut, what cannot be kept is left out."""
    if _is_plain(receipt):
        return receipt
    parsed = from_ref(receipt.ref)
    return replace(
        receipt,
        status=storable.as_text(receipt.status, storable.WORDS),
        keys=tuple(storable.as_text(key, storable.KEY) for key in receipt.keys if key),
        ref=to_ref(*parsed) if parsed else storable.as_text(receipt.ref, storable.KEY),
        to=storable.as_text(receipt.to, storable.KEY),
        serial=receipt.serial if receipt.serial is not None and 0 < receipt.serial <= storable.MAX_SERIAL else None,
        words=storable.as_text(receipt.words, storable.WORDS),
        code=storable.as_text(receipt.code, storable.CODE),
        price=storable.as_price(receipt.price),
    )


def _is_plain(receipt: Receipt) -> bool:
    """Whether it can be kept as it stands, as nearly all can; looking is cheaper than making a new one."""
    texts = (receipt.status, receipt.ref, receipt.to, receipt.code, receipt.words, *receipt.keys)
    together = "".join(texts)
    return (
        together.isascii()
        and "\0" not in together
        and len(together) <= storable.CODE
        and receipt.ref == receipt.ref.lower()
        and all(receipt.keys)
        and receipt.serial is None
        and receipt.price is None
    )


def keys_of(receipt: Receipt) -> list[str]:
    """The names under which a parked receipt is found."""
    serial = [f"serial:{receipt.serial}:{receipt.to}"] if receipt.serial is not None else []
    return [*([f"ref:{receipt.ref}"] if receipt.ref else []), *receipt.keys, *serial]


def to_json(receipt: Receipt) -> dict[str, Any]:
    """A receipt as it is kept: only what it says."""
    values = {name: value for name in _FIELDS if (value := getattr(receipt, name)) not in (None, "", ())}
    if receipt.at:
        values["at"] = receipt.at.isoformat()
    if receipt.price:
        values["price"] = [str(receipt.price.amount), receipt.price.unit]
    return values


def from_json(values: dict[str, Any]) -> Receipt:
    """The inverse of to_json."""
    return Receipt(
        **{
            **values,
            "state": State(values["state"]) if values.get("state") else None,
            "status": values.get("status", ""),
            "keys": tuple(values.get("keys", ())),
            "refusal": Refusal(values["refusal"]) if values.get("refusal") else None,
            "at": datetime.fromisoformat(values["at"]) if values.get("at") else None,
            "price": Price(Decimal(values["price"][0]), values["price"][1]) if values.get("price") else None,
        }
    )
