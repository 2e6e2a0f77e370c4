"""The other side of providers whose protocol only their customers know: the plainest form that could be one.

POST or GET `/send` with login, password, from, to and text answers `OK <id>` or `ERROR <word>`; `/state` answers a
receipt in JSON, `/balance` answers `BALANCE <amount>`. A POST is a form or a JSON object; login and password may come
as HTTP Basic. Receipts and replies are GETs with plain names. What the fields are called is the account's option
`names`, in the order of those five. None of it is any provider's.
"""

import json
import re
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import Answer, Push, Request, json_answer, text_answer, with_query
from gatepost.sms.text import count_segments

FIELDS: Final = ("login", "password", "from", "to", "text")
ERRORS: Final = ("auth", "number", "sender", "text", "credit", "blocked", "temporary", "slow")
_ids = count(int(time.time() * 1000))


def plain_form(slug: str, label: str) -> Simulator:
    """A simulator of that form for a provider."""
    return Simulator(
        slug=slug,
        label=label,
        credentials={"login": "demo", "password": "demo-password"},
        options={"names": ",".join(FIELDS)},
        routes=tuple(
            Route(method, path, handler, submits=always) if path == "/send" else Route(method, path, handler)
            for method in ("POST", "GET")
            for path, handler in (("/send", _send), ("/state", _state), ("/balance", _balance))
        ),
        receipts=_receipts,
        inbound=_inbound,
        refuse=lambda code, _request: _refused(code),
        codes=ERRORS,
        failed="temporary",
        throttled="slow",
        not_found=lambda _request: text_answer("Not Found", 404),
        price=Decimal(1),
        new_id=lambda: str(next(_ids)),
        without_id=lambda _answer: text_answer("OK"),
    )


def _refused(code: str) -> Answer:
    return text_answer(f"ERROR {code}", {"auth": 401, "slow": 429}.get(code, 200))


def _values(request: Request, live: LiveAccount) -> dict[str, str]:
    """The fields by our names; those that the option does not name keep theirs."""
    names = dict(zip(live.options["names"].split(","), FIELDS, strict=True))
    pairs = request.query_pairs() + request.form_pairs()
    given = {name: value.decode("utf-8", "replace") for name, value in pairs} | _members(request)
    return dict(zip(FIELDS, request.basic() or (), strict=False)) | {names.get(key, key): given[key] for key in given}


def _members(request: Request) -> dict[str, str]:
    """The texts in a JSON object."""
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else {}
    except (ValueError, RecursionError):
        body = {}
    return {key: value for key, value in body.items() if isinstance(value, str)} if isinstance(body, dict) else {}


def _is_known(values: dict[str, str], live: LiveAccount) -> bool:
    return all(values.get(name) == live.credentials[name] for name in ("login", "password"))


def _send(request: Request, live: LiveAccount) -> Answer:
    values = _values(request, live)
    to, text, sender = values.get("to", "").removeprefix("+"), values.get("text", ""), values.get("from", "")
    at_submit = behaviour_of(to).at_submit
    segments = count_segments(text)[1] if text else 1
    faults = {
        "auth": not _is_known(values, live),
        "number": not re.fullmatch("[1-9][0-9]{7,14}", to) or at_submit == "bad_number",
        "blocked": at_submit == "blocked",
        "text": not text,
        "sender": sender.lower() == REFUSED_SENDER or (bool(sender) and not live.allows_sender(sender)),
        "credit": not live.can_pay(live.simulator.price * segments),
    }
    fault = next((code for code, is_so in faults.items() if is_so), "")
    if fault:
        return _refused(fault)
    return text_answer(f"OK {live.accept(to=to, text=text, sender=sender, segments=segments).id}")


def _state(request: Request, live: LiveAccount) -> Answer:
    values = _values(request, live)
    if not _is_known(values, live):
        return _refused("auth")
    message = live.find(values.get("id", ""))
    return json_answer({"id": message.id, "status": message.state, "to": message.to} if message else {})


def _balance(request: Request, live: LiveAccount) -> Answer:
    return text_answer(f"BALANCE {live.balance}") if _is_known(_values(request, live), live) else _refused("auth")


def _receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    return [
        _get("receipt", live.receipt_url, id=report.message.id, status=report.state, to=report.message.to)
        for report in reports
        if live.receipt_url
    ]


def _inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    values = {"id": reply.id, "from": reply.sender, "to": reply.to, "text": reply.text}
    return [_get("inbound", live.inbound_url, **values)] if live.inbound_url else []


def _get(kind: str, url: str, **values: str) -> Push:
    return Push(kind="inbound" if kind == "inbound" else "receipt", method="GET", url=with_query(url, values.items()))
