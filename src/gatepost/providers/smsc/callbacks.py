"""What SMSC posts to us: states, incoming messages, and calls for verification, which are none of our business."""

from datetime import datetime
from zoneinfo import ZoneInfo

from gatepost.providers.base import Ack, Callback, Gateway, Inbound, Receipt
from gatepost.providers.kit import answers
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.signatures import equal, hash_hex
from gatepost.providers.smsc.tables import SMS_TYPES, STATES
from gatepost.providers.wire import RawCallback

MOSCOW = ZoneInfo("Europe/Moscow")
SIGNED = {b"mes": (b"phone", b"mes", b"to"), b"waitcall": (b"phone", b"ts"), b"status": (b"id", b"phone", b"status")}


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """An MD5 over some fields and the secret, over which ones depends on what is told."""
    if not gw["callback_secret"]:
        return None
    values = _bytes(raw)
    told = next((kind for kind in SIGNED if kind in values), b"status")
    signed = b":".join([*(values.get(name, b"") for name in SIGNED[told]), gw["callback_secret"].encode()])
    return equal(values.get(b"md5", b"").decode("ascii", "replace").lower(), hash_hex(signed))


def _bytes(raw: RawCallback) -> dict[bytes, bytes]:
    """As `form` chooses: the body wins, the first of repeated names wins."""
    query = raw.query.encode("latin-1", "replace")
    return dict(reversed(answers.byte_pairs(raw.body) + answers.byte_pairs(query)))


def _charset(raw: RawCallback) -> str:
    """The older charset is the provider's default; which one callbacks have is not documented."""
    try:
        b"".join(_bytes(raw).values()).decode()
    except UnicodeDecodeError:
        return "windows-1251"
    return "utf-8"


def parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    values = answers.form(raw, _charset(raw))
    ack = Ack(body=b"ok")
    if "mes" in values:
        sender, answered = answers.need(values, "phone"), values.get("sms_id", "")
        at = local_time(values.get("time", ""))
        keys = answers.some(answered and f"{answered}:{digits(sender)}")
        message = Inbound(sender, values.get("to", ""), values["mes"], id=values.get("id", ""), at=at, answers=keys)
        return Callback((message,), ack)
    if not values or "waitcall" in values or values.get("type", "") not in SMS_TYPES:
        return Callback((), ack)
    number, phone, error = answers.need(values, "id"), digits(answers.need(values, "phone")), values.get("err", "")
    return Callback((receipt(answers.need(values, "status"), number, phone, error, values.get("ts", "")),), ack)


def receipt(status: str, number: str, phone: str, error: str, at: str) -> Receipt:
    """A message is named by the id of its request and its number; the id is our serial, if it was not theirs."""
    is_ours = number.isascii() and number.isdecimal() and len(number) <= 10
    return STATES.receipt(
        status,
        keys=(f"{number}:{phone}",),
        serial=int(number) if is_ours and int(number) < 2**31 else None,
        to=phone,
        code=error.removeprefix("0"),
        at=answers.unix_time(at),
    )


def local_time(text: str) -> datetime | None:
    return answers.timestamp(text, "%d.%m.%Y %H:%M:%S", MOSCOW)
