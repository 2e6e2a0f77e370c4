"""Seven Tech (and MegaFon Hub, the same platform): messaging API v1, https://docs.seven.tech/docs/api, as of 2026-11.

Documented: address, sign-in, top-level fields. From client code: the SMS element, the answer, the words of states.
Not found: batches, validity, schedule, balance, status query; the fields of reports are the operator's to set.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, send
from gatepost.providers.fields import FieldError, Flag, Json, LongText, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.own_words import field_names, named, state_of, state_words
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.providers.manifest import Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.states import State

SCENARIO = '[{"channel":"sms","recipient":{"type":"MSISDN","value":%TO%},"sender":"%FROM%","text":"%MESSAGE%"}]'
NAMES = {"id": ("txId",), "ref": ("clientRequestId",), "status": ("state", "status")}

manifest = Manifest(
    slug="seventech",
    label="Seven Tech",
    countries=("RU",),
    confidence="client-code",
    facts="2026-11",
    docs="https://docs.seven.tech/docs/api",
    website="https://seven.tech",
    own_shortener=("shorten_links", "url_options"),
    fields=(
        Url(
            "url",
            label="Send URL",
            default="https://my.seven.tech/messaging/v1/send",
            help="https://hub.megafon.ru/messaging/v1/send for accounts of MegaFon Hub.",
        ),
        Text("login", required=True, identifier=True, help="User name of the API, from the platform."),
        Secret("password", required=True, help="Password of that user."),
        Flag(
            "shorten_links",
            help="Sends the URL options below; while they are empty, links are shortened by this installation instead.",
        ),
        Json(
            "url_options",
            label="URL options",
            help="A JSON object for urlOptions, from the provider's manual; its contents were not found.",
            confidence="unverified",
        ),
        LongText(
            "scenario_template",
            default=SCENARIO,
            help="The scenario array. Change it only when the provider's manual says otherwise.",
            group="Protocol",
        ),
        Text("response_id_path", default="txId", help="Where the message id is in the answer.", group="Protocol"),
        Text("response_state_path", default="state", help="ACCEPTED there means accepted.", group="Protocol"),
        field_names("report_names", NAMES, help="Fields of reports: id, ref and status."),
        state_words("status_map", help="Words of reports besides the known ones."),
    ),
    reference=Ref(100),
    sender=SenderRule(r"[^\x00-\x1f]{1,16}", "A sender name that is registered at the platform.", is_required=True),
    receipts=("push",),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(parallel=4),
    setup=(
        "Register a sender name at the platform and enter it as the gateway's sender ID.",
        "Reports come by themselves: each message carries the address for its own.",
        "For incoming messages over a short number, give the provider the inbound URL.",
    ),
)

REFUSED = Refused(
    codes(Refusal.CONFIG, "Bad request or address (general meaning of HTTP, unverified)", 400, 404)
    | codes(Refusal.AUTH, "Not authorised (general meaning of HTTP, unverified)", 401, 403)
    | {409: (Refusal.DUPLICATE, "Conflict (unverified)"), 422: (Refusal.BAD_CONTENT, "Not processable (unverified)")}
)
STATES = States(
    {
        "ACCEPTED": (State.SUBMITTED, "accepted"),
        "SENT": (State.SUBMITTED, "sent (unverified)"),
        "DELIVERED": (State.DELIVERED, "delivered"),
        "SEEN": (State.DELIVERED, "read"),
        "EXPIRED": (State.EXPIRED, "lifetime is over"),
        "UNDELIVERED": (State.UNDELIVERED, "not delivered (unverified)"),
        "FAILED": (State.UNDELIVERED, "failed (unverified)"),
        "REJECTED": (State.REJECTED, "rejected (unverified)"),
    }
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if settings["url_options"] is not None and not isinstance(settings["url_options"], dict):
        raise FieldError("url_options", "bad_json", "URL options: write a JSON object.")
    try:
        scenario = _scenario(settings["scenario_template"], "79031234567", "Shop", 'A "text"')
    except ValueError:
        scenario = None
    if not isinstance(scenario, list):
        words = "Scenario template: it is no JSON array once %TO%, %FROM% and %MESSAGE% are filled in."
        raise FieldError("scenario_template", "bad_json", words)
    return settings


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    body = {
        "scenario": _scenario(gw["scenario_template"], message.to, message.sender, message.text),
        "callback": ctx.receipt_url_for(message.ref),
        "clientRequestId": message.ref,
        "urlOptions": gw["url_options"] if gw["shorten_links"] else None,
    }
    request = requests.post_json(
        gw["url"], requests.filled(body), headers=(requests.basic(gw["login"], gw["password"]),)
    )
    response: Response = yield send(request)
    return batch.all(refusal(response, ctx, REFUSED) or _outcome(response, gw))


def _outcome(response: Response, gw: Gateway) -> Outcome:
    said = answers.read_json(response)
    state = _at(said, gw["response_state_path"]) or ""
    if state.upper() != "ACCEPTED":
        if not state:
            raise said.odd("the state is missing")
        return refused(Refusal.PERMANENT, state, f"The answer's state is {state}")
    return accepted(said.text(*gw["response_id_path"].split(".")))


def _at(said: answers.Node, path: str) -> str | None:
    return said.maybe_text(*path.split(".")) or None


def _scenario(template: str, to: str, sender: str, text: str) -> Any:
    """The template with its placeholders replaced in one pass, each value escaped as JSON writes it inside a string."""
    values = {"%TO%": to, "%FROM%": json.dumps(sender)[1:-1], "%MESSAGE%": json.dumps(text)[1:-1]}
    return json.loads(re.sub("|".join(values), lambda found: values[found.group()], template))


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """Reports as JSON (one or a list), form or query; incoming messages as the older interface sends them."""
    if raw.kind == "inbound":
        values = answers.form(raw)
        sender = answers.need(values, "clientId")
        inbound = base.Inbound(
            sender, values.get("shortNumber", ""), values.get("message", ""), id=values.get("id", "")
        )
        # The body of the answer would be sent to the handset.
        return base.Callback((inbound,), base.Ack(content_type="text/plain; charset=utf-8"))
    reports = answers.readable(answers.objects(raw), lambda one: _receipt(one.texts(), raw.receipt_ref, gw))
    return base.Callback(tuple(reports))


def _receipt(values: Mapping[str, str], ref: str, gw: Gateway) -> base.Receipt:
    found = named(gw["report_names"], values)
    status = answers.need(found, "status")
    keys, ours = answers.some(found.get("id", "")), found.get("ref", "") or ref
    if not keys and not ours:
        answers.need(found, "id", "ref")
    receipt = STATES.receipt(status, keys=keys, ref=ours)
    own = state_of(gw["status_map"], status)
    return replace(receipt, state=own) if own else receipt
