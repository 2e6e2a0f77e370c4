"""peoplefone SMS API, https://support.peoplefone.com/che/peoplefone-produkte/peoplefone-sms-api/. Facts of 2026-11.

From client code and the support page; the API description was not seen. Not supported: MMS, binary messages, the
interface with login and password, which was not found anywhere.
"""

from datetime import UTC, timedelta
from urllib.parse import quote

from gatepost.providers import base
from gatepost.providers.base import Batch, Callback, Context, Flow, Gateway, Results, send
from gatepost.providers.fields import Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits, match, per_message
from gatepost.providers.kit.flows import ask, key_by_key
from gatepost.providers.kit.own_words import state_of, state_words
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Manifest, Pace, SenderRule, Validity
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, not_sent, refused
from gatepost.sms.states import State

manifest = Manifest(
    slug="peoplefone",
    label="Peoplefone",
    countries=("CH", "DE", "AT", "PL"),
    confidence="client-code",
    facts="2026-11",
    docs="https://support.peoplefone.com/che/peoplefone-produkte/peoplefone-sms-api/",
    website="https://www.peoplefone.com",
    fields=(
        Secret("api_key", label="API key", required=True, help="API configuration > SMS service; shown only once."),
        Text("login", identifier=True, help="So that settings from elsewhere fit; not sent."),
        Url(
            "base_url",
            default="https://api.peoplefone.com/customer/sms",
            help="Change it only if peoplefone tells you to.",
        ),
        Flag(
            "callback_url_per_message",
            label="Send our report URL",
            default=True,
            help="Off: the SMS Status callback url of the service in the portal is used.",
        ),
        Number("validity_seconds", min=60, max=172_800, help="Where a message has none of its own."),
        Number("batch_size", default=1, min=1, max=100, help="Recipients per request.", confidence="unverified"),
        state_words("status_map", label="Words of states", confidence="unverified", help="Before the likely ones."),
    ),
    batch=Batching(100, same=("sender", "text", "validity"), unique_number=True, limit_setting="batch_size"),
    pace=Pace(requests_per_second=5),
    validity=Validity(60, 172_800),
    schedules=True,
    sender=SenderRule(r"\+?[0-9]{3,15}|[A-Za-z0-9 ]{1,11}", "A number, or up to 11 letters and digits."),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    setup=(
        "Portal > API configuration > SMS service > Add: create a service and a key; allow our address for it.",
        "SMS Status callback url: the receipt URL, unless our URL goes with every message.",
        "SMS MT callback url: the inbound URL. MT means to the client there: these are incoming messages.",
        "Leave the sender empty unless peoplefone confirms that `from` is taken (unverified).",
    ),
)

REFUSED = Refused(
    codes(Refusal.PERMANENT, "Request not valid", 400, 422)
    | {
        401: (Refusal.AUTH, "Missing or wrong API key"),
        402: (Refusal.NO_CREDIT, "Payment required"),
        403: (Refusal.AUTH, "Key not allowed, or our address is not on its list"),
        404: (Refusal.CONFIG, "Wrong base URL"),
        409: (Refusal.DUPLICATE, "Conflict"),
        413: (Refusal.BAD_CONTENT, "Too long"),
        429: (THROTTLED, "Rate limit"),
    }
)
# The words were not found: these are the likely ones.
STATES = States(
    {
        **dict.fromkeys(("ACCEPTED", "QUEUED", "PENDING", "SCHEDULED", "RECEIVED"), (State.SUBMITTED, "Queued")),
        **dict.fromkeys(("SENT", "SUBMITTED", "ENROUTE"), (State.SUBMITTED, "Sent")),
        **dict.fromkeys(("UNDELIVERED", "UNDELIVERABLE", "FAILED"), (State.UNDELIVERED, "Not delivered")),
        **dict.fromkeys(("REJECTED", "DELETED"), (State.REJECTED, "Rejected")),
        "DELIVERED": (State.DELIVERED, "Delivered"),
        "EXPIRED": (State.EXPIRED, "Expired"),
    }
)
RECIPIENT_WORDS = ("recipient", "number", '"to"', "'to'")
CLOCKS_DIFFER = timedelta(seconds=10)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first = batch.first
    when = first.send_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z") if first.send_at else None
    validity_s = first.validity_s or gw["validity_seconds"]
    body = {
        "to": [f"+{message.to}" for message in batch.messages],
        "text": first.text,
        "scheduledDeliveryTime": when,
        "validityPeriod": validity_s and manifest.validity and manifest.validity.clamp(validity_s),
        "callbackUrl": ctx.receipt_url if gw["callback_url_per_message"] else None,
        "from": first.sender,
    }
    headers = (requests.bearer(gw["api_key"]), ("accept", "application/json"))
    response: Response = yield send(
        requests.post_json(gw.url("/v1/sms/messages"), requests.filled(body), headers=headers)
    )
    if found := _refusal(response, ctx):
        is_of_one = response.status in (400, 422) and len(batch.messages) > 1
        words = f"the whole request was refused: {found.words}"
        return batch.all(not_sent(words, is_alone=True) if is_of_one else found)
    if not response.body.strip():
        return batch.all(accepted())
    answer = answers.read_json(response)
    items = answer.items("messages") if "messages" in answer else [answer]
    by_message = match(batch, items, numbers=(lambda item: item.maybe_text("to"),))
    if len(items) == len(batch.messages) and not any(item.maybe_text("to") for item in items):
        by_message = dict(zip(batch.refs, items, strict=True))
    return per_message(by_message, lambda item: _outcome(item, gw))


def _outcome(item: answers.Node, gw: Gateway) -> Outcome:
    status = item.maybe_text("status")
    if _state(status, gw) in (State.REJECTED, State.UNDELIVERED, State.EXPIRED):
        return refused(Refusal.PERMANENT, status, STATES.words(status))
    return accepted(item.text("messageId"))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """The form of errors was not found: the status decides, and of a bad request the words."""
    words = answers.excerpt(response.body.decode("utf-8", "replace").strip())
    is_about_number = response.status in (400, 422) and any(word in words.casefold() for word in RECIPIENT_WORDS)
    found = refusal(response, ctx, REFUSED, words=words)
    return refused(Refusal.BAD_RECIPIENT, response.status, words) if found and is_about_number else found


def _state(status: str, gw: Gateway) -> State | None:
    return state_of(gw["status_map"], status) or STATES.state(status)


def parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    event = answers.read_json(raw)
    if event.maybe_text("eventType") == "smsStatusUpdateEvent":
        return Callback((_receipt(event, gw),))
    sender, to, text = event.text("from"), event.maybe_text("to"), event.maybe_text("text")
    return Callback((base.Inbound(sender, to, text, id=event.text("messageId")),))


def _receipt(event: answers.Node, gw: Gateway) -> base.Receipt:
    status, to = event.text("status"), digits(event.maybe_text("to"))
    at = answers.iso_time(event.maybe_text("updatedAt") or event.maybe_text("sentAt"))
    keys = (event.text("messageId"),)
    return base.Receipt(_state(status, gw), status, keys=keys, to=to, words=STATES.words(status), at=at)


def _state_of_key(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt | None]:
    response = yield from _get(gw, ctx, f"/{quote(key, safe='')}", "State")
    return None if response.status == 404 else _receipt(answers.read_json(response), gw)


query = key_by_key(_state_of_key)


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, base.Found]]:
    """There is no reference: one message alone to that number since then is it. Where there is none, or more than
    one, nothing is known."""
    response = yield from _get(gw, ctx, "?pageSize=50", "Look-up")
    items = [item for item in answers.read_json(response).items("messages") if item.maybe_text("direction") != "MO"]
    found = {}
    for message in sent:
        times = ((item, answers.iso_time(item.maybe_text("receivedAt"))) for item in _to(items, message.to))
        since = message.submitted_at and message.submitted_at - CLOCKS_DIFFER
        mine = [item.text("messageId") for item, at in times if since and at and at >= since]
        if len(mine) == 1:
            found[message.ref] = base.Found(True, tuple(mine))
    return found


def _to(items: list[answers.Node], number: str) -> list[answers.Node]:
    return [item for item in items if digits(item.maybe_text("to")) == number]


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    response = yield from _get(gw, ctx, "?pageSize=1", "Messages")
    answers.read_json(response).items("messages")
    return base.Checked("Signed in; messages can be listed. The provider tells no balance.")


def _get(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[Response]:
    headers = (requests.bearer(gw["api_key"]), ("accept", "application/json"))
    request = requests.get(gw.url(f"/v1/sms/messages{path}"), headers=headers)
    return ask(request, label, lambda r: None if r.status == 404 and label == "State" else _refusal(r, ctx))
