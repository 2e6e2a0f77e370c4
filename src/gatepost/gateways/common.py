"""The settings that every gateway has, declared like a provider's own: form, validation, API and docs read them."""

import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.conf import settings as django_settings

from gatepost.problems import Fault
from gatepost.providers.fields import Choice, Field, FieldError, Flag, Lines, LongText, Number, Text, Url
from gatepost.providers.manifest import Manifest
from gatepost.rest.storable import is_storable
from gatepost.sms.msisdn import InvalidNumber, parse

_SENDING: Final = "Sending"
_LIMITS: Final = "Limits"
_SAFETY: Final = "Who may"
_INBOUND: Final = "Receipts and inbound"

MIN_RATE: Final = 0.001
MAX_RATE: Final = 100_000
"""Requests per second."""
MAX_PARALLEL: Final = 2000

FIELDS: Final[tuple[Field, ...]] = (
    LongText(
        "description",
        max_length=2000,
        group="General",
        help="For whoever looks after the gateway; recipients never see it.",
    ),
    Url(
        "sign_up_url",
        label="Sign-up link",
        schemes=("https", "http"),
        max_length=200,
        group="General",
        help="Where an account at the provider is opened.",
    ),
    Flag("is_active", label="Active", default=True, group="General", help="Off: never chosen for new messages."),
    Flag(
        "is_draining",
        label="Draining",
        group="General",
        help="On: takes no new messages, and finishes what waits for it.",
    ),
    Flag("sending_enabled", label="Enable sending", default=True, group=_SENDING, help="Off: messages wait as held."),
    Text(
        "sender",
        label="Sender ID",
        max_length=20,
        group=_SENDING,
        help="What the handset shows, where a message names none.",
    ),
    Text(
        "fallback_sender",
        label="Fallback sender ID",
        max_length=20,
        group=_SENDING,
        help="Tried when, and only when, the provider refuses the first one.",
    ),
    Choice(
        "pattern",
        ("batch", "Batch"),
        ("loop", "Loop (one request each)"),
        label="Sending pattern",
        group=_SENDING,
        help="Batch works where the provider takes several messages in one request.",
    ),
    Text("requests_per_second", label="Requests per second", group=_LIMITS, help="Empty: no limit of our own."),
    Lines(
        "sender_rates",
        label="Requests per second of a sender ID",
        group=_LIMITS,
        help="One per line, such as ACME = 5. It is kept beside the gateway's own limit.",
    ),
    Number(
        "parallel",
        label="Parallel requests",
        min=1,
        max=MAX_PARALLEL,
        group=_LIMITS,
        help="Requests under way at the same time.",
    ),
    Number(
        "max_segments",
        label="Maximum SMS per message",
        min=1,
        max=255,
        group=_LIMITS,
        help="Longer messages are refused when they are accepted. Empty: the provider's own limit.",
    ),
    Number(
        "await_delivery_s",
        label="Await delivery (seconds)",
        default=0,
        min=0,
        max=259_200,
        group=_LIMITS,
        help="How long after the submit a message without a final receipt is asked for.",
    ),
    Number(
        "days_to_expire",
        label="Days to expire",
        default=3,
        min=1,
        max=30,
        group=_LIMITS,
        help="Counted from acceptance, for a scheduled message from its time; then it is expired.",
    ),
    Flag(
        "verify_tls",
        label="Verify TLS certificate",
        default=True,
        group=_SENDING,
        help="Off only for a provider whose certificate cannot be verified: anybody on the way could then read along.",
    ),
    Flag(
        "debug",
        label="Debug log",
        group=_SENDING,
        help="Writes every request and answer to the log, without secrets, texts and numbers.",
    ),
    Flag(
        "shorten_links",
        label="Shorten links",
        group=_SENDING,
        help=(
            "Longer links in single messages and replies become short links of this installation (see Short links), "
            "and mass sendings begin with it. Not where the provider shortens them itself."
        ),
    ),
    Flag(
        "prefers_duplicate",
        label="Prefer a duplicate over a loss",
        group=_SENDING,
        help="Send again after an unknown outcome: the recipient may get the message twice.",
    ),
    Flag(
        "named_fails_over",
        label="Named messages fail over",
        group=_SENDING,
        help="A message that names this gateway may go through another one of its route where this one fails.",
    ),
    Flag(
        "only_verified_senders",
        label="Only verified caller IDs",
        group=_SAFETY,
        help="On: messages with any other sender ID are refused.",
    ),
    Lines(
        "verified_senders",
        label="Verified caller IDs",
        group=_SAFETY,
        help="One per line, such as those bought from the provider.",
    ),
    Flag(
        "only_verified_phones",
        label="Only verified phones",
        group=_SAFETY,
        help="On: messages to any other number are refused, for a gateway on trial.",
    ),
    Lines("verified_phones", label="Verified phones", group=_SAFETY, help="In international form, one per line."),
    Lines("send_ips", label="Allowed to send", group=_SAFETY, help="Networks such as 192.0.2.0/24; empty: everyone."),
    Lines("callback_ips", label="Allowed to call back", group=_SAFETY, help="Networks; empty: everyone."),
    Flag(
        "fixed_callbacks",
        label="Fixed callback paths",
        group=_INBOUND,
        help="The well-known paths carry no secret: they need a signature, ?k=... or allowed addresses.",
    ),
    Text(
        "inbound_number",
        label="Destination phone number",
        group=_INBOUND,
        pattern=r"\+?[0-9 ]{2,24}",
        pattern_words="write a phone number or short code in digits.",
        help="Where phones write to: incoming messages belong to the gateway with their number.",
    ),
    Lines("prefixes_to_remove", label="Prefixes to remove", group=_INBOUND, help="Longest first, at most one."),
    Flag(
        "inbound_active",
        label="Inbound active",
        default=True,
        group=_INBOUND,
        help="Off: incoming messages are taken and not stored.",
    ),
)

BY_NAME: Final[Mapping[str, Field]] = {field.name: field for field in FIELDS}


def from_manifest(manifest: Manifest) -> dict[str, Any]:
    """What a new gateway of this provider starts with."""
    return {
        "sign_up_url": manifest.sign_up,
        "requests_per_second": manifest.pace.requests_per_second,
        "parallel": manifest.pace.parallel,
        "await_delivery_s": manifest.await_delivery_s,
        "prefixes_to_remove": list(manifest.prefixes_to_remove),
    }


def clean(values: Mapping[str, Any], manifest: Manifest) -> tuple[dict[str, Any], list[Fault]]:
    """The named settings as they are stored, and every fault. Names that are not given are not touched."""
    cleaned: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in values.items():
        try:
            stored = _clean_one(name, value)
            _refuse_bad_sender(name, stored, manifest)
            cleaned[name] = stored
        except FieldError as fault:
            faults.append(Fault(name, fault.code, fault.words))
    return cleaned, faults


def _clean_one(name: str, value: Any) -> Any:
    field = BY_NAME.get(name)
    if field is None:
        raise FieldError(name, "unknown_field", f"There is no setting {name!r}.")
    if not is_storable(value):
        raise FieldError(name, "bad_characters", f"{field.title}: NUL and half characters are not allowed.")
    if name in _READERS:
        return _READERS[name](field, value)
    cleaned = field.clean(value)
    return "" if cleaned is None and field.kind in ("text", "long_text", "url") else cleaned


def _refuse_bad_sender(name: str, value: Any, manifest: Manifest) -> None:
    if name in ("sender", "fallback_sender") and value and not manifest.sender.allows(value):
        raise FieldError(name, "bad_sender", f"{BY_NAME[name].title}: {manifest.label} takes {manifest.sender.words}")


def _rate(field: Field, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        rate = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        rate = math.nan
    if not MIN_RATE <= rate <= MAX_RATE:
        raise FieldError(field.name, "out_of_range", f"{field.title}: a number between {MIN_RATE} and {MAX_RATE:,}.")
    return rate


def _each(read: Callable[[Field, str], str]) -> Callable[[Field, Any], list[str]]:
    """A list of values, one per line or separated by commas, each read and none twice."""

    def read_all(field: Field, value: Any) -> list[str]:
        lines = field.clean(value)
        parts = [part.strip() for line in lines for part in line.split(",")]
        return list(dict.fromkeys(read(field, part) for part in parts if part))

    return read_all


def _sender(field: Field, text: str) -> str:
    if len(text) > 20:
        raise FieldError(field.name, "too_long", f"{field.title}: at most 20 characters each.")
    return text


def _sender_rates(field: Field, value: Any) -> list[str]:
    rates: dict[str, float] = {}
    for line in _each(lambda _, text: text)(field, value):
        sender, sign, rate = (part.strip() for part in line.rpartition("="))
        if not sign or not sender:
            raise FieldError(field.name, "bad_format", f"{field.title}: write lines such as ACME = 5.")
        if sender in rates:
            raise FieldError(field.name, "twice", f"{field.title}: {sender} is there twice.")
        rates[_sender(field, sender)] = _rate(field, rate or "none") or 0.0
    return [f"{sender} = {rate:.10g}" for sender, rate in rates.items()]


def rates_by_sender(lines: Iterable[str]) -> dict[str, float]:
    """The setting `sender_rates` as it is stored: what each sender ID may send per second."""
    parts = [line.rpartition(" = ") for line in lines]
    return {sender: float(rate) for sender, _, rate in parts}


def _phone(field: Field, text: str) -> str:
    try:
        return parse(text, django_settings.CONFIG["DEFAULT_COUNTRY"] or None)
    except InvalidNumber as error:
        raise FieldError(field.name, error.code, f"{field.title}: {error}") from None


def _network(field: Field, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        words = f"{field.title}: write addresses or networks such as 192.0.2.0/24."
        raise FieldError(field.name, "bad_network", words) from None


def _prefix(field: Field, text: str) -> str:
    if not re.fullmatch(r"\+?[0-9]{1,7}", text):
        raise FieldError(field.name, "bad_prefix", f"{field.title}: write prefixes such as +48, 0048 or 48.")
    return text


def _inbound_number(field: Field, value: Any) -> str:
    return re.sub(r"[^0-9]", "", field.clean(value) or "")[:20]


_READERS: Final[Mapping[str, Callable[[Field, Any], Any]]] = {
    "requests_per_second": _rate,
    "sender_rates": _sender_rates,
    "verified_senders": _each(_sender),
    "verified_phones": _each(_phone),
    "send_ips": _each(_network),
    "callback_ips": _each(_network),
    "prefixes_to_remove": _each(_prefix),
    "inbound_number": _inbound_number,
}
