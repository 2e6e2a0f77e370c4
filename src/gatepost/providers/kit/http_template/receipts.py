"""Delivery reports: pushed to us, or read from the answer to a question."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from gatepost.providers.base import Callback, Gateway, MalformedAnswer, Receipt
from gatepost.providers.kit.http_template.callbacks import (
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Item,
    ack,
    is_method_allowed,
    items_of,
)
from gatepost.providers.kit.http_template.limited import compiled, fits
from gatepost.providers.kit.http_template.sending import has_shared_id
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.providers.kit.http_template.times import read_time
from gatepost.providers.wire import RawCallback
from gatepost.sms.states import State

ID_NAMES = ("id", "message_id", "messageId", "msgid", "smsid", "sms_id", "mid", "ref", "uuid")
STATUS_NAMES = ("status", "message_status", "dlr_status", "state", "stat")

STATE_WORDS: Mapping[str, State] = {
    "delivered": State.DELIVERED,
    "undelivered": State.UNDELIVERED,
    "rejected": State.REJECTED,
    "expired": State.EXPIRED,
    "blocked": State.BLOCKED,
    "sent": State.SUBMITTED,
    "submitted": State.SUBMITTED,
    "queued": State.SUBMITTED,
    "unknown": State.UNCONFIRMED,
    "unconfirmed": State.UNCONFIRMED,
}
"""What an operator may write in the status map. A report of "queued" moves nothing beyond submitted; a provider's
final "unknown" ends the waiting."""

STATUSES: Mapping[str, State] = {
    "delivrd": State.DELIVERED,
    "delivered": State.DELIVERED,
    "undeliv": State.UNDELIVERED,
    "undeliverable": State.UNDELIVERED,
    "undelivered": State.UNDELIVERED,
    "failed": State.UNDELIVERED,
    "expired": State.EXPIRED,
    "rejectd": State.REJECTED,
    "rejected": State.REJECTED,
    "deleted": State.REJECTED,
    "esme_rok": State.SUBMITTED,
    "sent": State.SUBMITTED,
    "acceptd": State.SUBMITTED,
    "accepted": State.SUBMITTED,
    "enroute": State.SUBMITTED,
    "queued": State.SUBMITTED,
    "scheduled": State.SUBMITTED,
    "pending": State.SUBMITTED,
    "unknown": State.UNCONFIRMED,
}
"""Words that mean the same everywhere. Bare digits do not, so they need one of the presets below."""

NUMERIC: Mapping[str, Mapping[str, State]] = {
    "kannel": {
        "0": State.SUBMITTED,
        "1": State.DELIVERED,
        "2": State.UNDELIVERED,
        "4": State.SUBMITTED,
        "8": State.SUBMITTED,
        "16": State.REJECTED,
    },
    "playsms": {"0": State.SUBMITTED, "1": State.SUBMITTED, "2": State.UNDELIVERED, "3": State.DELIVERED},
}
"""Kannel: bits of its dlr-mask (1 delivered, 2 failed, 4 buffered, 8 sent to the SMSC, 16 refused by the SMSC)."""

PATH_STATES: Mapping[str, State] = {
    "sent": State.SUBMITTED,
    "delivered": State.DELIVERED,
    "failed": State.UNDELIVERED,
}


def parse_receipts(raw: RawCallback, gw: Gateway) -> Callback:
    """The reports of a callback. Raises MalformedAnswer where a report names no message or no status."""
    if not gw.get("dlr_enabled"):
        return Callback(ack=NOT_FOUND)
    if not is_method_allowed(raw, gw.get("dlr_methods")):
        return Callback(ack=METHOD_NOT_ALLOWED)
    path_status = raw.tail.strip("/").lower()
    if gw.get("status_in_path") and path_status not in PATH_STATES:
        return Callback(ack=NOT_FOUND)
    items = items_of(raw, gw.text("dlr_parse"), gw.text("dlr_items_path"))
    status = path_status if gw.get("status_in_path") else ""
    receipts = tuple(_pushed(item, raw, gw.settings, status, is_only=len(items) == 1) for item in items)
    first = receipts[0] if receipts else None
    identifier = first.keys[-1] if first and first.keys else ""
    return Callback(receipts, ack(gw, "dlr", identifier, first.ref if first else ""))


def _pushed(item: Item, raw: RawCallback, settings: Mapping[str, Any], path_status: str, *, is_only: bool) -> Receipt:
    ref = _own_ref(item, raw, settings, is_only=is_only)
    receipt = read_receipt(item, settings, ref=ref, path_status=path_status)
    if not receipt.ref and not receipt.keys and not receipt.to:
        raise MalformedAnswer("the report names no message: neither our reference nor an id nor a number")
    if path_status and not receipt.ref and not receipt.keys:
        raise MalformedAnswer("the report names no message")
    return receipt


def _own_ref(item: Item, raw: RawCallback, settings: Mapping[str, Any], *, is_only: bool) -> str:
    """Our reference: from the field of the settings, else from our own URL, which can name one message only."""
    path = str(settings.get("dlr_ref") or "")
    return item.text(path) if path else raw.receipt_ref if is_only else ""


def read_receipt(item: Item, settings: Mapping[str, Any], *, ref: str = "", path_status: str = "") -> Receipt:
    """A report by the names and paths of the settings. Raises MalformedAnswer where it has no status."""
    status = path_status or item.text(str(settings.get("dlr_status") or ""), *STATUS_NAMES)
    if not status:
        raise MalformedAnswer("the report has no status")
    number = _digits(item.text(str(settings.get("dlr_number") or "")))
    return Receipt(
        state=PATH_STATES[path_status] if path_status else state_of(status, settings),
        status=status,
        keys=_keys(item, number, settings),
        ref=ref,
        to=number,
        words=item.text(str(settings.get("dlr_error") or "")),
        at=_time(item, settings),
    )


def state_of(status: str, settings: Mapping[str, Any]) -> State | None:
    """The operator's map first, then the numeric preset, then the words; None for a status that nothing names."""
    value = status.strip()
    for pattern, state in status_map(tuple(settings.get("status_map") or ())):
        if fits(pattern, value):
            return state
    numeric = NUMERIC.get(str(settings.get("status_preset") or ""), {})
    word = value.casefold()
    if word.startswith("esme_r") and word != "esme_rok":
        return State.REJECTED
    return numeric.get(word) or STATUSES.get(word)


@lru_cache(maxsize=256)
def status_map(lines: tuple[str, ...]) -> tuple[tuple[str, State], ...]:
    """(pattern, state) of lines `value = state` or `/pattern/ = state`, any case. Raises TemplateFault."""
    rows = []
    for line in lines:
        value, equals, word = (part.strip() for part in line.rpartition("="))
        if not equals or not value or word.lower() not in STATE_WORDS:
            raise TemplateFault(f"Write a status as value = state, where state is one of {', '.join(STATE_WORDS)}.")
        is_pattern = len(value) > 2 and value.startswith("/") and value.endswith("/")
        pattern = f"(?i){value[1:-1] if is_pattern else _escaped(value)}"
        compiled(pattern)
        rows.append((pattern, STATE_WORDS[word.lower()]))
    return tuple(rows)


def _keys(item: Item, number: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    identifier = item.text(str(settings.get("dlr_id") or ""), *ID_NAMES)
    if not identifier:
        return ()
    return (f"{identifier}:{number}", identifier) if number and has_shared_id(settings) else (identifier,)


def _time(item: Item, settings: Mapping[str, Any]) -> datetime | None:
    path = str(settings.get("dlr_time") or "")
    pattern, zone = str(settings.get("dlr_time_format") or ""), str(settings.get("dlr_time_zone") or "")
    return read_time(item.text(path), pattern, zone) if path else None


def _digits(number: str) -> str:
    digits = "".join(character for character in number if character in "0123456789")
    return digits.removeprefix("00")


def _escaped(value: str) -> str:
    return "".join(character if character.isalnum() else f"\\{character}" for character in value)
