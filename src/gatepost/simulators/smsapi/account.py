"""SMSAPI's REST paths around an account, and the callbacks it makes."""

import re
import secrets
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report
from gatepost.simulators.records import Reply
from gatepost.simulators.smsapi.sending import Memory, parameters
from gatepost.simulators.smsapi.tables import REPORTS_PER_CALL, STATES
from gatepost.simulators.wire import Answer, Push, Repeats, Request, form, json_answer, with_query

UNTIL_TAKEN: Final = Repeats(
    taken=lambda status, body: status == 200 and body == b"OK", then_every_s=60.0, for_s=24 * 3600.0
)
CALLBACK_TYPES: Final = ("sms_dlr", "sms_mo", "mms_dlr", "mms_mo", "vms_dlr", "bulk", "hlr", "short_url")


def ping(request: Request, live: LiveAccount) -> Answer:
    return json_answer({"authorized": _is_authorised(request, live), "unavailable": []})


def profile(request: Request, live: LiveAccount) -> Answer:
    if not _is_authorised(request, live):
        return _rest_problem(401, "Authorization failed", "authorization_failed")
    login = live.credentials["login"]
    return json_answer(
        {
            "name": live.account.label or login,
            "email": "account@example.com",
            "username": login,
            "phone_number": next(iter(live.account.numbers), ""),
            "payment_type": "prepaid",
            "user_type": "native",
            "points": float(live.balance),
        }
    )


def sender_names(request: Request, live: LiveAccount) -> Answer:
    if not _is_authorised(request, live):
        return _rest_problem(401, "Authorization failed", "authorization_failed")
    names = ["Test", *(name for name in live.account.senders if name not in ("*", "Test"))]
    collection = [
        {"sender": name, "is_default": name == "Test", "status": "ACTIVE", "created_at": "1970-01-01T00:00:00+01:00"}
        for name in names
    ]
    return json_answer({"size": len(collection), "collection": collection})


def callbacks(request: Request, live: LiveAccount) -> Answer:
    if not _is_authorised(request, live):
        return _rest_problem(401, "Authorization failed", "authorization_failed")
    memory: Memory = live.memory
    if request.method == "GET":
        return json_answer({"size": len(memory.callbacks), "collection": memory.callbacks})
    body = parameters(request)
    if body.get("type") not in CALLBACK_TYPES or not re.match("https?://", body.get("url", "")):
        return _rest_problem(400, "Wrong callback", "invalid_request_data")
    added = {"id": str(len(memory.callbacks) + 1), "url": body["url"], "type": body["type"], "active": True}
    memory.callbacks.append(added)
    return json_answer(added, 201)


def switch_callback(request: Request, live: LiveAccount) -> Answer:
    if not _is_authorised(request, live):
        return _rest_problem(401, "Authorization failed", "authorization_failed")
    callback = _callback(request, live)
    if callback is None or request.captured["command"] not in ("activate", "deactivate"):
        return not_found(request)
    callback["active"] = request.captured["command"] == "activate"
    return json_answer(callback)


async def test_callback(request: Request, live: LiveAccount) -> Answer:
    if not _is_authorised(request, live):
        return _rest_problem(401, "Authorization failed", "authorization_failed")
    callback = _callback(request, live)
    if callback is None:
        return not_found(request)
    status, body = await live.courier.try_once(live, Push(kind="probe", method="GET", url=callback["url"]))
    return json_answer(
        {
            "test_result": (status, body) == (200, b"OK"),
            "connection_failed": status == 0,
            "invalid_encoding": False,
            "http_response_status": status,
            "http_response_body": body.decode("utf-8", "replace") if status else "",
        }
    )


def _callback(request: Request, live: LiveAccount) -> dict[str, Any] | None:
    memory: Memory = live.memory
    return next((known for known in memory.callbacks if known["id"] == request.captured["id"]), None)


def _is_authorised(request: Request, live: LiveAccount) -> bool:
    return request.bearer() == live.credentials["token"]


def _rest_problem(status: int, message: str, error: str) -> Answer:
    return json_answer({"message": message, "error": error, "developer_description": None, "errors": []}, status)


def not_found(_request: Request) -> Answer:
    return _rest_problem(404, "Not Found", "not_found")


def _urls(live: LiveAccount, kind: str, panel: str) -> list[str]:
    """Where callbacks of the kind go: the panel's address and those added by REST."""
    memory: Memory = live.memory
    added = [callback["url"] for callback in memory.callbacks if callback["type"] == kind and callback["active"]]
    return [url for url in (panel, *added) if url]


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    """GET with comma lists, at most five reports in a call; a message's own notify_url overrides the account's."""
    by_url = defaultdict(list)
    for report in reports:
        own = report.message.wire.get("notify_url")
        for url in [own] if own else _urls(live, "sms_dlr", live.receipt_url):
            by_url[url].append(report)
    return [
        Push(kind="receipt", method="GET", url=_report_url(url, few, live), repeats=UNTIL_TAKEN)
        for url, many in by_url.items()
        for few in (many[at : at + REPORTS_PER_CALL] for at in range(0, len(many), REPORTS_PER_CALL))
    ]


def _report_url(url: str, reports: Sequence[Report], live: LiveAccount) -> str:
    def joined(values: Sequence[object]) -> str:
        return ",".join(str(value) for value in values)

    messages = [report.message for report in reports]
    senders = [message.sender for message in messages]
    return with_query(
        url,
        [
            ("MsgId", joined([message.id for message in messages])),
            ("status", joined([STATES[report.state][0] for report in reports])),
            ("status_name", joined([STATES[report.state][1] for report in reports])),
            ("donedate", joined([int(report.at) for report in reports])),
            ("sent_at", joined([int(message.send_at or message.at) for message in messages])),
            ("idx", joined([message.reference for message in messages])),
            ("username", live.credentials["login"]),
            ("from", senders[0] if len(set(senders)) == 1 else joined(senders)),
            ("to", joined([message.to for message in messages])),
            ("points", joined([message.price for message in messages])),
            ("mcc", joined(["260"] * len(messages))),
            ("mnc", joined(["2"] * len(messages))),
        ],
        safe=",",
    )


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """A form; with a picture it is an MMS in multipart/form-data, whose field names are unverified."""
    if reply.media:
        content_type, body = _multipart(reply)
        urls = _urls(live, "mms_mo", live.mms_url or live.inbound_url)
    else:
        content_type = "application/x-www-form-urlencoded; charset=UTF-8"
        pairs = [
            ("sms_to", reply.to),
            ("sms_from", reply.sender),
            ("sms_text", reply.text),
            ("sms_date", str(int(reply.at))),
            ("username", live.credentials["login"]),
        ]
        if reply.answers and reply.answers.sender == "2WAY":
            pairs.append(("MsgId", reply.answers.id))
        body, urls = form(pairs), _urls(live, "sms_mo", live.inbound_url)
    headers = {"Content-Type": content_type}
    return [Push(kind="inbound", url=url, headers=headers, body=body, repeats=UNTIL_TAKEN) for url in urls]


def _multipart(reply: Reply) -> tuple[str, bytes]:
    boundary = secrets.token_hex(12)
    fields = [
        ("mms_from", reply.sender),
        ("mms_to", reply.to),
        ("mms_subject", ""),
        ("mms_text", reply.text),
        ("mms_date", str(int(reply.at))),
    ]
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for number, media in enumerate(reply.media):
        name = re.sub(r'["\r\n\\]', "_", media.name)
        kind = re.sub(r"[\r\n]", "", media.content_type)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file{number}"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: {kind}\r\n\r\n".encode() + media.data + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])
