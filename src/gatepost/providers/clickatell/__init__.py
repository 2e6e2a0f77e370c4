"""Clickatell, https://docs.clickatell.com: One API, Platform REST, legacy HTTP and legacy REST, as a setting.

Facts of 2026-11. Not supported: WhatsApp, the legacy batch mode, schedules at the provider.
"""

from collections.abc import Mapping
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, send
from gatepost.providers.clickatell import json_wires, text_wire
from gatepost.providers.clickatell.callbacks import parse_callback, verify
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit.flows import check_by_balance, key_by_key
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Manifest, Pace, Ref, SenderRule, Validity
from gatepost.providers.wire import Response

__all__ = ["balance", "capabilities", "check", "manifest", "parse_callback", "query", "submit", "verify"]

KEYED, LEGACY = ("one_api", "platform", "rest_legacy"), "http_legacy"
GENERATION = "api_generation"
MAX_MINUTES = 4320

manifest = Manifest(
    slug="clickatell",
    label="Clickatell",
    confidence="documented",
    facts="2026-11",
    docs="https://docs.clickatell.com",
    website="https://www.clickatell.com",
    fields=(
        Choice(
            GENERATION,
            ("one_api", "One API"),
            ("platform", "Platform REST"),
            ("http_legacy", "Legacy HTTP (Communicator, Central)"),
            ("rest_legacy", "Legacy REST"),
            label="Interface",
            help="One API for new accounts; the others for accounts that have them.",
        ),
        Url("base_url", help="Empty: the address of the interface."),
        Secret(
            "api_key", label="API key", required=True, when=(GENERATION, KEYED), help="Key or token of an integration."
        ),
        Text(
            "user",
            required=True,
            identifier=True,
            when=(GENERATION, LEGACY),
            help="User name of the Communicator or Central account.",
        ),
        Secret("password", required=True, when=(GENERATION, LEGACY), help="Password of that account."),
        Text(
            "api_id",
            label="API ID",
            required=True,
            pattern=r"\d+",
            when=(GENERATION, LEGACY),
            help="Of the connection.",
        ),
        Number(
            "concat",
            label="Maximum parts",
            default=3,
            min=1,
            max=35,
            when=(GENERATION, LEGACY),
            help="Longer texts are refused. Above 3 is unverified.",
        ),
        Flag("mo", label="Replies", when=(GENERATION, LEGACY), help="Asks for a number that can be answered."),
        Number("validity_minutes", label="Lifetime (minutes)", min=1, max=MAX_MINUTES, help="Empty: one day."),
        Number(
            "batch_size", label="Messages per request", default=100, min=1, max=200, help="200 is the provider's limit."
        ),
        Text("callback_user", group="Callbacks", help="If the portal calls us with HTTP Basic: its user name."),
        Secret("callback_password", group="Callbacks", help="And its password."),
    ),
    batch=Batching(200, unique_number=True, limit_setting="batch_size"),
    reference=Ref(32, "alphanumeric"),
    validity=Validity(60, MAX_MINUTES * 60),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{3,15}", "Up to 11 letters and digits, or a number."),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    await_delivery_s=900,
    pace=Pace(parallel=4),
    setup=(
        "Make an integration (or, legacy, an HTTP API connection) and copy its key, or user, password and API ID.",
        "Enter the receipt URL and the inbound URL as the callbacks of the integration.",
        "If the portal is told a user name and a password for its calls, enter both here as well.",
    ),
)

SAME_TEXT = Batching(
    200, same=("sender", "text", "encoding", "validity"), unique_number=True, limit_setting="batch_size"
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Only One API takes a text each; Platform and legacy REST offer no status query."""
    generation = settings[GENERATION]
    if generation == "one_api":
        return {}
    receipts = ("push", "query") if generation == LEGACY else ("push",)
    return {"batch": SAME_TEXT, "receipts": receipts}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    if gw[GENERATION] == LEGACY:
        answer: Response = yield send(text_wire.request(batch, gw))
        return text_wire.results(batch, answer, ctx)
    answer = yield send(json_wires.request(batch, gw))
    return json_wires.results(batch, answer, ctx, gw[GENERATION])


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    found = yield from (text_wire.state if gw[GENERATION] == LEGACY else json_wires.state)(key, gw, ctx)
    return found


query = key_by_key(_state)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    found = yield from (text_wire.balance if gw[GENERATION] == LEGACY else json_wires.balance)(gw, ctx)
    return found


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    if gw[GENERATION] == "rest_legacy":
        return base.Checked("This interface has nothing harmless to ask: send a test message.")
    found = yield from check_by_balance(balance)(gw, ctx)
    return found
