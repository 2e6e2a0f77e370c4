"""Which kind of callback came, and who reads it."""

from gatepost.providers.base import Callback, Gateway
from gatepost.providers.kit.http_template.callbacks import as_answer
from gatepost.providers.kit.http_template.inbound import parse_inbound, parse_stop
from gatepost.providers.kit.http_template.receipts import parse_receipts
from gatepost.providers.kit.http_template.rules import condition
from gatepost.providers.wire import RawCallback


def parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    """A report, a message or an opt-out, by the URL it came to; by a rule where both come to one URL."""
    if raw.kind == "stop":
        return parse_stop(raw, gw)
    return parse_inbound(raw, gw) if _is_inbound(raw, gw) else parse_receipts(raw, gw)


def _is_inbound(raw: RawCallback, gw: Gateway) -> bool:
    rule = gw.text("mo_distinguish")
    if rule:
        answer = as_answer(raw, gw.text("mo_parse"), gw.text("mo_charset") or "utf-8")
        return condition(rule).match(answer) is not None
    if raw.kind == "any":
        return not gw.get("dlr_enabled")
    return raw.kind in ("inbound", "media")
