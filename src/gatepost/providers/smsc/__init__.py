"""SMSC (SMS-Center), https://smsc.ru/api/http/: `/sys/*.php` with JSON answers. Facts of 2026-11.

Not supported: calls, e-mail, messengers, HLR, attachments, spreading a sending over a period, price checks.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Found, Gateway, Inbound, Message, Results, Stop, send
from gatepost.providers.fields import Choice, Flag, Lines, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.answers import Node
from gatepost.providers.kit.batches import digits, match, per_message
from gatepost.providers.kit.flows import check_by_balance
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import hash_hex
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Feed, Manifest, SenderRule, Validity
from gatepost.providers.smsc.callbacks import local_time, parse_callback, receipt, verify
from gatepost.providers.smsc.tables import NOTHING_FOUND, OF_ONE, REFUSED, STATES
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Price, Refusal, accepted, not_sent, refused
from gatepost.sms.states import State

__all__ = [
    "balance",
    "capabilities",
    "check",
    "find",
    "manifest",
    "parse_callback",
    "poll",
    "prepare",
    "query",
    "submit",
    "verify",
]
BACKUP = ("https://www2.smsc.ru/sys/",)
TRIES = 3
INBOUND_EVERY_S = 30.0

manifest = Manifest(
    slug="smsc",
    label="SMSc.ru",
    countries=("RU",),
    confidence="documented",
    facts="2026-11",
    docs="https://smsc.ru/api/http/",
    website="https://smsc.ru",
    fields=(
        Url(
            "base_url", default="https://smsc.ru/sys", help="Other brands: smsc.kz/sys, smsc.ua/sys, smscentre.com/sys."
        ),
        Lines(
            "backup_urls", default=BACKUP, pattern=r"https://\S+", help="Tried when the main host cannot be reached."
        ),
        Choice(
            "auth_kind",
            ("password", "Login and password"),
            ("api_key", "API key"),
            label="Sign in with",
            help="An API key replaces login and password.",
        ),
        Text("login", when=("auth_kind", "password"), required=True, identifier=True, help="Of the cabinet."),
        Secret(
            "password",
            when=("auth_kind", "password"),
            required=True,
            help="Or its MD5 in lower-case hex; sent as typed.",
        ),
        Flag(
            "password_is_md5",
            label="Send the MD5",
            help="Instead of the text; new accounts may refuse it.",
            confidence="unverified",
        ),
        Secret(
            "api_key",
            label="API key",
            when=("auth_kind", "api_key"),
            required=True,
            help="From the settings of the cabinet.",
        ),
        Number("max_parts", label="Maximum SMS per message", default=0, min=0, max=255, help="0: no limit."),
        Flag("send_op", label="Detail for every number", default=True, help="Asks for the price of each recipient."),
        Number("batch_size", default=100, min=1, max=100, help="Messages per request.", confidence="unverified"),
        Secret("callback_secret", group="Callbacks", help="The signature password of the cabinet; empty: not checked."),
        Flag("poll_inbound", group="Callbacks", help="Fetch messages where the provider cannot reach us."),
    ),
    batch=Batching(100, same=("sender", "validity"), unique_number=True, limit_setting="batch_size"),
    dedupe=Dedupe("request", window_s=60, answers="refuses"),
    validity=Validity(3600, 24 * 3600),
    schedules=True,
    sender=SenderRule(r"[A-Za-z0-9 ._-]{1,11}|[0-9]{1,15}", "1 to 11 Latin letters or digits, or up to 15 digits."),
    max_segments_setting="max_parts",
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    callback_auth="signature",
    await_delivery_s=60,
    query_limit=100,
    setup=(
        "Cabinet, settings: paste the receipt URL and the inbound URL as addresses of handlers.",
        "Choose a password for signatures there and here: callbacks that are not signed with it are refused.",
        "Have your sender names registered. Incoming messages need a rented number.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The backup hosts serve one brand; an account exists at one."""
    is_elsewhere = "smsc.ru" not in settings["base_url"] and settings["backup_urls"] == BACKUP
    return {**settings, "backup_urls": ()} if is_elsewhere else settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    signed = {} if settings["callback_secret"] else {"callback_auth": "token"}
    feeds = {"feeds": (Feed("inbound", INBOUND_EVERY_S),), "inbound_delivery": ("push", "poll")}
    return signed | (feeds if settings["poll_inbound"] else {})


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    # In a list a line feed is written as backslash and n, so a text that holds just that cannot stand in one.
    is_one_text = len({message.text for message in batch.messages}) == 1
    odd = {m.ref for m in batch.messages if not is_one_text and "\\n" in m.text}
    left = {ref: not_sent("the text cannot stand in a list", is_alone=True) for ref in odd}
    rest = Batch(tuple(message for message in batch.messages if message.ref not in odd))
    if not rest.messages:
        return left
    response: Response = yield send(_post(gw, "send", _params(rest, gw, ctx)))
    answer, found = _read(response, ctx)
    if found and found.code == "9" and ctx.is_resend:
        return left | {message.ref: accepted(f"{ctx.serial}:{message.to}") for message in rest.messages}
    if found and found.code in OF_ONE and len(rest.messages) > 1:
        found = not_sent(f"the whole request was refused: {found.words}", is_alone=True)
    return left | (rest.all(found) if found else _outcomes(rest, answer, gw))


def _params(batch: Batch, gw: Gateway, ctx: Context) -> dict[str, Any]:
    first = batch.first
    lines = [f"{message.to}:{_line(message)}" for message in batch.messages]
    is_one_text = len({message.text for message in batch.messages}) == 1
    phones = {"phones": ",".join(message.to for message in batch.messages), "mes": first.text}
    minutes = manifest.validity.clamp(first.validity_s) // 60 if first.validity_s and manifest.validity else None
    return {
        **(phones if is_one_text else {"list": "\n".join(lines)}),
        "id": ctx.serial,
        "sender": first.sender,
        "time": f"0{int(first.send_at.timestamp())}" if first.send_at else None,
        "valid": f"{minutes // 60:02}:{minutes % 60:02}" if minutes else None,
        "maxsms": gw["max_parts"] or None,
        "cost": 3,
        "op": gw["send_op"],
    }


def _line(message: Message) -> str:
    return message.text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _outcomes(batch: Batch, answer: Node, gw: Gateway) -> Results:
    """One id for the whole request; `phones` says more of each number where it was asked for."""
    number = answer.text("id")
    is_single, cost = len(batch.messages) == 1, answer.maybe_text("cost")
    if "phones" not in answer:
        segments, price = (answer.maybe_integer("cnt"), _price(cost, gw)) if is_single else (None, None)
        return {m.ref: accepted(f"{number}:{m.to}", segments=segments, price=price) for m in batch.messages}
    found = match(batch, answer.items("phones"), numbers=(lambda item: item.maybe_text("phone"),))
    to = {message.ref: message.to for message in batch.messages}
    keyed = {ref: (f"{number}:{to[ref]}", item) for ref, item in found.items()}
    count = answer.maybe_integer("cnt") if is_single else None
    return per_message(keyed, lambda pair: _outcome(*pair, count, gw))


def _outcome(key: str, item: Node, segments: int | None, gw: Gateway) -> Outcome:
    error, status = item.maybe_text("error").removeprefix("0"), item.maybe_text("status")
    if error:
        return REFUSED.outcome(error) if error in REFUSED else refused(Refusal.PERMANENT, status, error)
    if STATES.state(status) in (State.REJECTED, State.UNDELIVERED):
        return refused(STATES.refusal(status) or Refusal.PERMANENT, status, STATES.words(status))
    return accepted(key, segments=segments, price=_price(item.maybe_text("cost"), gw))


def _price(cost: str, gw: Gateway) -> Price | None:
    return answers.price(cost, _currency(gw))


def _currency(gw: Gateway) -> str:
    """The account's; known of one brand only."""
    host = urlsplit(gw["base_url"]).hostname or ""
    return "RUB" if host == "smsc.ru" or host.endswith(".smsc.ru") else ""


def _read(response: Response, ctx: Context) -> tuple[Node, Outcome | None]:
    """Errors come with status 200."""
    if found := refusal(response, ctx, REFUSED):
        return Node({}), found
    answer = answers.read_json(response)
    code = answer.maybe_text("error_code")
    return answer, REFUSED.outcome(code, answer.maybe_text("error")) if code else None


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    """`not found` counts only after some tries."""
    asked = {key: message.asked for message in sent for key in message.keys if ":" in key}
    receipts = yield from _states(list(asked), gw, ctx)
    return [one for one in receipts if one.status != "-3" or asked.get(one.keys[0], 0) + 1 >= TRIES]


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, Found]]:
    """The id of a request is ours, so it is known also of one whose answer was lost."""
    wanted = {f"{message.serial}:{message.to}": message for message in sent}
    receipts = yield from _states(list(wanted), gw, ctx)
    found: dict[str, Found] = {}
    for one in receipts:
        message = wanted.get(one.keys[0])
        if message and one.status != "-3":
            found[message.ref] = Found(True, one.keys, one.state)
        elif message and message.asked + 1 >= TRIES:
            found[message.ref] = Found(False)
    return found


def _states(keys: list[str], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    """Pairs by position; the comma at the end makes a list of the answer to a single one, too."""
    if not keys:
        return []
    pairs = [key.split(":", 1) for key in keys]
    lists = {"id": "".join(f"{number}," for number, _ in pairs), "phone": "".join(f"{phone}," for _, phone in pairs)}
    answer = yield from _ask(gw, ctx, "status", lists, "State")
    return answers.readable(answer.items(), _state)


def _state(item: Node) -> base.Receipt:
    number, phone = item.text("id"), digits(item.text("phone"))
    return receipt(item.text("status"), number, phone, item.maybe_text("err"), item.maybe_text("last_timestamp"))


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[base.Later]:
    since = {"after_id": cursor} if cursor else {"hour": "1"}
    answer = yield from _ask(gw, ctx, "get", {"get_answers": "1", **since}, "Inbox", unless=NOTHING_FOUND)
    items = answers.readable(answer.items(), _answer) if isinstance(answer.value, list) else []
    if items:
        cursor = max((item.id for item in items), key=int)
        yield base.Commit(tuple(items), cursor)
    return base.Later(INBOUND_EVERY_S, cursor)


def _answer(item: Node) -> Inbound:
    at = local_time(item.maybe_text("sent"))
    number = str(item.integer("id"))
    return Inbound(item.text("phone"), item.maybe_text("to_phone"), item.maybe_text("message"), id=number, at=at)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    return base.Balance((yield from _ask(gw, ctx, "balance", {}, "Balance")).decimal("balance"), _currency(gw))


check = check_by_balance(balance)


def _ask(
    gw: Gateway, ctx: Context, method: str, params: Mapping[str, str], label: str, *, unless: str = ""
) -> Flow[Node]:
    response: Response = yield base.call(_post(gw, method, params), label)
    answer, found = _read(response, ctx)
    if found and not (unless and found.code == unless):
        raise Stop(found)
    return answer


def _post(gw: Gateway, method: str, params: Mapping[str, Any]) -> Request:
    password = gw.text("password")
    if gw["password_is_md5"] and not (len(password) == 32 and set(password) <= set("0123456789abcdef")):
        password = hash_hex(password.encode())
    by_key = gw["auth_kind"] == "api_key"
    login = {"apikey": gw["api_key"]} if by_key else {"login": gw["login"], "psw": password}
    return requests.post_form(
        gw.url(f"/{method}.php"),
        requests.present({**login, **params, "charset": "utf-8", "fmt": 3}),
        sensitive=() if by_key else (password,),
        backup_urls=tuple(f"{url.rstrip('/')}/{method}.php" for url in gw["backup_urls"]),
    )
