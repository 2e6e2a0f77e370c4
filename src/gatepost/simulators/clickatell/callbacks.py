"""Reports and replies, in the form of the interface that the message came by."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal
from urllib.parse import quote_plus, urlencode

from gatepost.simulators.clickatell.tables import EVERY, LEVELS, PLATFORM_STATUS, STATES
from gatepost.simulators.engine import LiveAccount, Report
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import NEVER_REPEATED, Push, Repeats, is_success, json_answer

GMT_PLUS_2: Final = timezone(timedelta(hours=2))
ONE_REPEATS: Final = Repeats(taken=is_success, waits_s=(60,))
LEGACY_REPEATS: Final = Repeats(
    taken=lambda status, _body: status == 200, waits_s=tuple(60.0 * 2**power for power in range(1, 8))
)


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    wanted = [report for report in reports if live.receipt_url and _is_wanted(report)]
    return [_signed_in(RECEIPTS[report.message.wire["interface"]](report, live), live) for report in wanted]


def _signed_in(push: Push, live: LiveAccount) -> Push:
    """With HTTP Basic, where the customer has entered a user name and a password in the portal."""
    user, password = live.options["callback_user"], live.options["callback_password"]
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return replace(push, headers={**push.headers, "Authorization": f"Basic {token}"}) if user else push


def _is_wanted(report: Report) -> bool:
    return STATES[report.state][2] in LEVELS.get(report.message.wire["level"], EVERY)


def _one_api_receipt(report: Report, live: LiveAccount) -> Push:
    code, status, _ = STATES[report.state]
    update = {
        "channel": "sms",
        "timestamp": int(report.at * 1000),
        "statusCode": code,
        "status": status,
        "messageId": report.message.id,
        "clientMessageId": report.message.reference or None,
    }
    return _json("receipt", live.receipt_url, _enveloped("messageStatusUpdate", update), ONE_REPEATS)


def _platform_receipt(report: Report, live: LiveAccount) -> Push:
    message, code = report.message, STATES[report.state][2]
    told = {
        "integrationName": "Demo",
        "messageId": message.id,
        "requestId": message.id,
        "clientMessageId": message.reference or None,
        "to": message.to,
        "from": message.sender,
        "statusCode": code,
        "status": PLATFORM_STATUS[code],
        "statusDescription": PLATFORM_STATUS[code].replace("_", " ").capitalize(),
        "timestamp": int(report.at * 1000),
    }
    return _json("receipt", live.receipt_url, told, NEVER_REPEATED)


def _legacy_receipt(report: Report, live: LiveAccount) -> Push:
    message = report.message
    values = {
        "api_id": live.credentials["api_id"],
        "apiMsgId": message.id,
        "cliMsgId": message.reference,
        "timestamp": str(int(report.at)),
        "to": message.to,
        "from": message.sender,
        "status": f"{STATES[report.state][2]:03}",
        "charge": f"{message.price:.6f}",
    }
    return _get("receipt", live.receipt_url, values)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    interface = reply.answers.wire["interface"] if reply.answers else live.options["interface"]
    return [_signed_in(REPLIES[interface](reply, live), live)] if live.inbound_url else []


def _one_api_reply(reply: Reply, live: LiveAccount) -> Push:
    text = {
        "channel": "sms",
        "messageId": reply.id,
        "relatedMessageId": reply.answers.id if reply.answers else None,
        "relatedClientMessageId": (reply.answers.reference if reply.answers else "") or None,
        "from": reply.sender,
        "to": reply.to,
        "timestamp": int(reply.at * 1000),
        "content": reply.text,
        "charset": "UTF-8",
        "sms": {"network": "Network ID"},
    }
    return _json("inbound", live.inbound_url, _enveloped("moText", text), ONE_REPEATS)


def _platform_reply(reply: Reply, live: LiveAccount) -> Push:
    charset, data = _bytes(reply.text)
    told = {
        "integrationName": "Demo",
        "messageId": reply.answers.id if reply.answers else None,
        "replyMessageId": reply.id,
        "fromNumber": reply.sender,
        "toNumber": reply.to,
        "timestamp": int(reply.at * 1000),
        "text": quote_plus(data),
        "charset": charset,
        "udh": "",
        "network": "",
        "keyword": "",
    }
    return _json("inbound", live.inbound_url, told, NEVER_REPEATED)


def _legacy_reply(reply: Reply, live: LiveAccount) -> Push:
    charset, data = _bytes(reply.text)
    values: dict[str, str | bytes] = {
        "api_id": live.credentials["api_id"],
        "moMsgId": reply.id,
        "from": reply.sender,
        "to": reply.to,
        "timestamp": datetime.fromtimestamp(reply.at, GMT_PLUS_2).strftime("%Y-%m-%d %H:%M:%S"),
        "text": data,
        "charset": charset,
        "udh": "",
    }
    return _get("inbound", live.inbound_url, values)


def _bytes(text: str) -> tuple[str, bytes]:
    """The charset in which a text is told outside One API, and its bytes."""
    if all(letter <= "\xff" for letter in text):
        return "ISO-8859-1", text.encode("latin-1")
    return "UTF-16BE", text.encode("utf-16-be")


def _enveloped(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {"integrationId": "demo", "integrationName": "Demo", "event": {kind: [item]}}


def _json(kind: Literal["receipt", "inbound"], url: str, body: Mapping[str, Any], repeats: Repeats) -> Push:
    answer = json_answer(body)
    return Push(kind=kind, url=url, headers={"Content-Type": answer.content_type}, body=answer.body, repeats=repeats)


def _get(kind: Literal["receipt", "inbound"], url: str, values: Mapping[str, str | bytes]) -> Push:
    query = urlencode(values)
    return Push(kind=kind, url=f"{url}{'&' if '?' in url else '?'}{query}", method="GET", repeats=LEGACY_REPEATS)


RECEIPTS: Final = {
    "one_api": _one_api_receipt,
    "platform": _platform_receipt,
    "http_legacy": _legacy_receipt,
    "rest_legacy": _legacy_receipt,
}
REPLIES: Final = {
    "one_api": _one_api_reply,
    "platform": _platform_reply,
    "http_legacy": _legacy_reply,
    "rest_legacy": _legacy_reply,
}
