"""The JSON interface of the virtual phone and of the fault switches, for consoles and tests.

Everything is behind the token that the server was started with, in the header X-Simulators-Token.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.faults import BadSwitch, as_json, patched
from gatepost.simulators.records import Media
from gatepost.simulators.wire import Answer, Request, json_answer

if TYPE_CHECKING:
    from gatepost.simulators.server import Server

TOKEN_HEADER = "X-Simulators-Token"  # noqa: S105  the header's name
BURST_LIMIT = 1_000
PHONE_SHOWS = 1_000


class Refused(Exception):
    """What the caller did wrong: `code` is stable, the text says what to do."""

    def __init__(self, code: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.answer = json_answer({"code": code, "detail": detail, "status": status}, status)


async def answer(request: Request, server: "Server") -> Answer:
    """Answer a request whose path starts with /_phone or /_control."""
    try:
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER.lower(), "").encode(), server.token.encode()):
            raise Refused("bad_token", f"Send the server's token in the header {TOKEN_HEADER}.", 401)
        for method, pattern, handler in _ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return json_answer(await handler(request, server, *found.groups()))
        raise Refused("not_found", f"There is no {request.method} {request.path}.", 404)
    except Refused as refusal:
        return refusal.answer


async def _messages(request: Request, server: "Server") -> dict[str, Any]:
    query = _query(request)
    return server.records.phone(_since(query), query.get("number", ""), limit=PHONE_SHOWS)


async def _mails(_request: Request, server: "Server") -> dict[str, Any]:
    return server.mailbox.document() if server.mailbox is not None else {"mails": []}


async def _log(request: Request, server: "Server") -> dict[str, Any]:
    query = _query(request)
    return server.records.log(_since(query), query.get("account", ""))


async def _accounts(_request: Request, server: "Server") -> dict[str, Any]:
    return {"accounts": [_state(live, server) for live in server.accounts.values()]}


async def _account(_request: Request, server: "Server", name: str) -> dict[str, Any]:
    return _state(_live(server, name), server)


async def _change(request: Request, server: "Server", name: str) -> dict[str, Any]:
    """Settings and switches in one object; nothing is changed where one of them is bad."""
    live = _live(server, name)
    changes = _body(request)
    settings = {key: changes.pop(key) for key in _SETTINGS if key in changes}
    try:
        cleaned = {key: _SETTINGS[key](key, value) for key, value in settings.items()}
        live.set_faults(patched(live.faults, changes))
    except BadSwitch as bad:
        raise Refused("bad_switch", str(bad)) from None
    live.options.update(cleaned.pop("options", {}))
    for key, value in cleaned.items():
        setattr(live, key, value)
    await server.apply(live)
    return _state(live, server)


async def _reset(request: Request, server: "Server") -> dict[str, Any]:
    """Everything as at the start, or one account with {"account": name}; the log and the phone only with all."""
    name = _body(request).get("account", "")
    for live in [_live(server, name)] if name else server.accounts.values():
        live.reset()
        await server.apply(live)
    if not name:
        server.records.clear()
        if server.mailbox is not None:
            server.mailbox.mails.clear()
    return await _accounts(request, server)


async def _reply(request: Request, server: "Server") -> dict[str, Any]:
    """A phone writes: {from, to, text, media?, times?}; `to` is a number of an account, or an account's name."""
    body = _body(request)
    sender, to, text = (_text(body, name) for name in ("from", "to", "text"))
    live = _owner(server, to)
    number = to.lstrip("+") if to != live.name else next(iter(live.account.numbers), "")
    if not re.fullmatch(r"\+?[0-9]{3,15}", sender):
        raise Refused("bad_number", "from is a phone number of 3 to 15 digits.")
    times = body.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= BURST_LIMIT:
        raise Refused("bad_times", f"times is a whole number from 1 to {BURST_LIMIT}.")
    media = _media(body.get("media", []))
    results = [await _push(live, server, sender.lstrip("+"), number, text, media) for _ in range(times)]
    return results[-1] | {"account": live.name, "times": times}


async def _push(
    live: LiveAccount, server: "Server", sender: str, to: str, text: str, media: tuple[Media, ...]
) -> dict[str, Any]:
    reply = live.compose_reply(sender, to, text, media)
    pushes = live.simulator.inbound(reply, live)
    if not pushes and not live.simulator.keeps_replies:
        raise Refused(
            "no_inbound_url", f"The account {live.name} has no URL for inbound messages: set inbound_url.", 409
        )
    server.records.changed(reply)
    outcomes = [await server.courier.deliver(live, push) for push in pushes]
    taken = all(push.repeats.taken(*outcome) for push, outcome in zip(pushes, outcomes, strict=True))
    status, words = outcomes[-1] if outcomes else (0, b"Kept until it is fetched.")
    return {"id": reply.id, "taken": taken, "status": status, "answer": words[:500].decode("utf-8", "replace")}


Control = Callable[..., Awaitable[dict[str, Any]]]
_ROUTES: tuple[tuple[str, str, Control], ...] = (
    ("GET", "/_phone/messages", _messages),
    ("POST", "/_phone/reply", _reply),
    ("GET", "/_phone/mails", _mails),
    ("GET", "/_control", _accounts),
    ("GET", "/_control/log", _log),
    ("POST", "/_control/reset", _reset),
    ("GET", "/_control/([a-z0-9-]+)", _account),
    ("POST", "/_control/([a-z0-9-]+)", _change),
)
RESERVED_NAMES = frozenset({"log", "reset"})


def _state(live: LiveAccount, server: "Server") -> dict[str, Any]:
    return {
        "name": live.name,
        "slug": live.account.slug,
        "label": live.account.label or live.simulator.label,
        "url": server.url_of(live.name),
        "numbers": list(live.account.numbers),
        "balance": str(live.balance),
        "receipt_url": live.receipt_url,
        "inbound_url": live.inbound_url,
        "mms_url": live.mms_url,
        "delivery_s": list(live.delivery_s),
        "options": dict(live.options),
        "requests": live.requests,
        "taken": live.taken,
        "callbacks": list(live.callbacks),
        "codes": list(live.simulator.codes),
        **as_json(live.faults),
    }


def _live(server: "Server", name: str) -> LiveAccount:
    try:
        return server.accounts[name]
    except KeyError:
        raise Refused(
            "no_such_account", f"There is no account {name!r}. Known: {', '.join(server.accounts)}.", 404
        ) from None


def _owner(server: "Server", to: str) -> LiveAccount:
    if to in server.accounts:
        return server.accounts[to]
    for live in server.accounts.values():
        if to.lstrip("+") in live.account.numbers:
            return live
    known = ", ".join(number for live in server.accounts.values() for number in live.account.numbers)
    raise Refused("not_our_number", f"No account owns {to!r}. Numbers that can be answered: {known}.", 404)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused("bad_json", "Send a JSON object.")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or (not value and name != "text"):
        raise Refused("bad_field", f"{name} is a text.")
    return value


def _media(items: Any) -> tuple[Media, ...]:
    """From [{name, content_type, base64}]."""
    try:
        return tuple(
            Media(
                name=str(item["name"]),
                content_type=str(item["content_type"]),
                data=base64.b64decode(item["base64"], validate=True),
            )
            for item in items
        )
    except (TypeError, KeyError, ValueError, binascii.Error):
        raise Refused("bad_media", "media is a list of objects with name, content_type and base64.") from None


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query.decode("utf-8", "replace")).items()}


def _since(query: Mapping[str, str]) -> int:
    since = query.get("since", "0")
    if not re.fullmatch("[0-9]{1,18}", since):
        raise Refused("bad_cursor", "since is the cursor of an earlier answer.")
    return int(since)


def _url(name: str, value: Any) -> str:
    if not isinstance(value, str) or not (value == "" or re.match("https?://", value)):
        raise BadSwitch(f"{name} is a URL that starts with http:// or https://, or empty.")
    return value


def _balance(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", str(value)):
        raise BadSwitch(f"{name} is a number.")
    return Decimal(str(value))


def _span(name: str, value: Any) -> tuple[float, float]:
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in value)
        or not 0 <= value[0] <= value[1] <= 86_400
    ):
        raise BadSwitch(f"{name} is [from, to] in seconds.")
    return float(value[0]), float(value[1])


def _options(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadSwitch(f"{name} is an object of texts.")
    return value


_SETTINGS: Mapping[str, Callable[[str, Any], Any]] = {
    "receipt_url": _url,
    "inbound_url": _url,
    "mms_url": _url,
    "balance": _balance,
    "delivery_s": _span,
    "options": _options,
}
