"""MTS, Russia: OmniChannel of MTS Marketolog (default), or MTS Communicator. From client code, 2026-11.

Not found: the official documents of either beyond a table of contents. Not supported: MTS Exolve, the GET forms.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Found, Gateway, Later, Results
from gatepost.providers.fields import Choice, FieldError, Flag, Number, Secret, Text, Url
from gatepost.providers.kit.flows import check_by_balance
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Pace, SenderRule
from gatepost.providers.mts import communicator, omnichannel
from gatepost.providers.wire import RawCallback

COMMUNICATOR = ("api", "communicator")
SENDER = r"[A-Za-z0-9_ .-]{1,11}", "Up to 11 Latin letters and digits."

manifest = Manifest(
    slug="mts",
    label="MTS",
    countries=("RU",),
    confidence="client-code",
    facts="2026-11",
    docs="https://support.mts.ru/mts_marketolog",
    website="https://mts.ru",
    fields=(
        Choice(
            "api",
            ("omnichannel", "Marketolog (OmniChannel)"),
            ("communicator", "Communicator (M2M API)"),
            label="Product",
            help="Which of the two products the contract names.",
        ),
        Url(
            "url", label="URL", help="Empty: the product's own, such as https://api.mcommunicator.ru/m2m/m2m_api.asmx."
        ),
        Text("login", identifier=True, help="Of the cabinet's integrations page. Not with a token."),
        Secret("password", help="Communicator: typed in clear, sent as its MD5."),
        Flag(
            "password_is_md5",
            label="This is the MD5 already",
            when=COMMUNICATOR,
            help="The password above is then sent as it is.",
        ),
        Secret("token", when=COMMUNICATOR, help="Newer accounts: instead of login and password."),
        Number("validity_s", label="Lifetime (seconds)", min=1, when=COMMUNICATOR, help="Empty: the provider's."),
        Text("timezone", default="Europe/Moscow", when=COMMUNICATOR, help="Of the account; its times name none."),
        Flag(
            "poll_inbound",
            when=COMMUNICATOR,
            group="Callbacks",
            help="Fetch messages where the provider cannot reach us. Then give it no inbound URL: pushed messages have "
            "no id by which they could be recognised.",
        ),
        Number("batch_size", label="Messages per request", default=100, min=1, max=100, help="No limit was found."),
    ),
    batch=Batching(100, unique_number=True, limit_setting="batch_size"),
    sender=SenderRule(*SENDER, is_required=True),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    await_delivery_s=60,
    query_limit=100,
    pace=Pace(requests_per_second=10, parallel=4),
    setup=(
        "Marketolog: enter login and password of the cabinet's integrations page; your sender name must be connected.",
        "Marketolog: if the cabinet takes an address for states, paste the receipt URL; states are asked for besides.",
        "Communicator: enter login and password, or the token; give MTS the inbound URL.",
        "Buy a packet of SMS: without one nothing is sent.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    by_token = settings["api"] == "communicator" and settings["token"]
    for name in () if by_token else ("login", "password"):
        if not settings[name]:
            raise FieldError(name, "required", f"{name.capitalize()} is needed.")
    try:
        ZoneInfo(settings["timezone"])
    except (ValueError, OSError, KeyError):
        raise FieldError("timezone", "bad_timezone", "Timezone: write a name such as Europe/Moscow.") from None
    return settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """How OmniChannel tells of incoming messages was not found."""
    if settings["api"] == "omnichannel":
        return {"inbound": (), "inbound_delivery": ()}
    feeds = {"feeds": (Feed("inbound", 60.0),), "inbound_delivery": ("push", "poll")}
    return {
        "batch": Batching(100, ("sender", "validity"), unique_number=True, limit_setting="batch_size"),
        "sender": SenderRule(*SENDER),
        "validity": communicator.VALIDITY,
        "receipts": ("query",),
        **(feeds if settings["poll_inbound"] else {}),
    }


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    results: Results = yield from _of(gw).submit(batch, gw, ctx)
    return results


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts: list[base.Receipt] = yield from _of(gw).query(sent, gw, ctx)
    return receipts


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, Found]]:
    """Communicator takes no reference of ours, so it can be asked for none."""
    return {} if gw["api"] == "communicator" else (yield from omnichannel.find(sent, gw, ctx))


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    found: base.Callback = _of(gw).parse_callback(raw, gw)
    return found


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    return (yield from communicator.poll(feed, cursor, gw, ctx))


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    found: base.Balance = yield from _of(gw).balance(gw, ctx)
    return found


check = check_by_balance(balance)


def _of(gw: Gateway) -> ModuleType:
    return communicator if gw["api"] == "communicator" else omnichannel
