"""Intellin, Russia: the CGI interface, known from three third-party clients only. Facts of 2026-11.

Not found: meaning of the error numbers, receipts by push, incoming messages, balance, batches.
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, MalformedAnswer, Results, send
from gatepost.providers.fields import Lines, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.flows import ask, key_by_key
from gatepost.providers.kit.keyed_text import read_lines
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States
from gatepost.providers.manifest import Manifest, Pace, SenderRule
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.states import State

MOSCOW = ZoneInfo("Europe/Moscow")
CLASSES = "|".join(sorted(Refusal))

manifest = Manifest(
    slug="intellin",
    label="Intellin",
    countries=("RU",),
    confidence="client-code",
    facts="2026-11",
    website="https://intellin.ru",
    fields=(
        Url(
            "base_url", default="https://sms.intellin.ru", schemes=("https", "http"), help="Some accounts have another."
        ),
        Text("login", required=True, identifier=True, help="Sent as http_username."),
        Secret("password", required=True, help="Sent as http_password."),
        Lines(
            "error_classes",
            label="Meaning of error numbers",
            pattern=rf"\s*\d+\s*=\s*(?:{CLASSES})\s*",
            pattern_words=f"write number = class, where a class is one of {', '.join(sorted(Refusal))}.",
            help="One per line. The numbers are not documented: what is not listed here counts as permanent.",
            confidence="unverified",
        ),
    ),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{1,15}", "Up to 11 Latin letters, or up to 15 digits."),
    receipts=("query",),
    await_delivery_s=60,
    poll_until_s=26 * 3600,
    pace=Pace(parallel=4),
    setup=("Enter login and password of the account.",),
)

# The numbers of `error_num` are not documented; these are the statuses of HTTP.
REFUSED = Refused({401: (Refusal.AUTH, "Not authorised"), 403: (Refusal.AUTH, "Forbidden")})
STATES = States(
    {
        "DELIVERED": (State.DELIVERED, "delivered"),
        "READ": (State.DELIVERED, "read"),
        "EXPIRED": (State.EXPIRED, "lifetime is over"),
        "DELETED": (State.REJECTED, "deleted"),
        "UNDELIV": (State.UNDELIVERED, "not delivered"),
        "REJECTD": (State.REJECTED, "rejected"),
        "UNKNOWN": (State.UNCONFIRMED, "in an erroneous state"),
        "ACCEPTD": (State.SUBMITTED, "accepted"),
        "PROGRESS": (State.SUBMITTED, "in progress"),
        "SEND": (State.SUBMITTED, "being sent"),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    params = {
        "fromphone": message.sender,
        "phone_list": message.to,
        "message": message.text,
        "format": "json",
    }
    response: Response = yield send(_request(gw, "sendsms.cgi", params))
    return batch.all(refusal(response, ctx, REFUSED) or _outcome(_values(response), gw))


def _outcome(values: Mapping[str, str], gw: Gateway) -> Outcome:
    code, key = values.get("error_num", ""), values.get("message_id", "")
    if not code or (code == "0" and not key):
        raise MalformedAnswer("error_num or message_id is missing")
    if code == "0":
        parts = values.get("message_parts", "")
        return accepted(key, segments=int(parts) or None if parts.isdecimal() and len(parts) < 4 else None)
    listed = dict(line.replace(" ", "").split("=") for line in gw["error_classes"])
    return refused(Refusal(listed.get(code, Refusal.PERMANENT)), code, f"error_num {code}")


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    request = _request(gw, "getstatus.cgi", {"message_id": key})
    values = _values((yield from ask(request, "State", lambda answer: refusal(answer, ctx, REFUSED))))
    at = answers.timestamp(values.get("deliver_date", ""), "%Y-%m-%d %H:%M:%S", MOSCOW)
    return STATES.receipt(answers.need(values, "deliver_status"), keys=(key,), at=at)


query = key_by_key(_state)


def _request(gw: Gateway, script: str, params: Mapping[str, str]) -> Request:
    login = {"http_username": gw["login"], "http_password": gw["password"]}
    return requests.get(gw.url(f"/{script}"), requests.present({**login, **params}))


def _values(response: Response) -> Mapping[str, str]:
    """JSON (an object, or a list of which the first counts) or lines of key=value."""
    found = answers.maybe_json(response)
    if found is None:
        return read_lines(response)
    one = found.node(0) if isinstance(found.value, list) else found
    return {name.lower(): value for name, value in one.texts().items()}
