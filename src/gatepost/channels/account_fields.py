"""The settings of an e-mail account, declared once: form, validation and API read them."""

import math
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

from gatepost.channels.addresses import BadAddress, parse_address
from gatepost.channels.models import EmailAccount
from gatepost.problems import Fault
from gatepost.providers.fields import Choice, Field, FieldError, Flag, LongText, Number, Secret, Text
from gatepost.rest.storable import is_storable

MIN_RATE: Final = 0.01
MAX_RATE: Final = 1000
_SERVER: Final = "Mail server"
_SENDER: Final = "Sender"
_SENDING: Final = "Sending"

FIELDS: Final[tuple[Field, ...]] = (
    Text("host", label="SMTP host", required=True, max_length=253, group=_SERVER, help="Such as smtp.example.com."),
    Number("port", label="Port", default=587, min=1, max=65535, group=_SERVER, help="587, 465 with TLS, or 25."),
    Choice(
        "tls",
        *EmailAccount.Tls.choices,
        label="TLS",
        default=EmailAccount.Tls.STARTTLS.value,
        group=_SERVER,
        help="STARTTLS goes with port 587, TLS from the start with port 465. None sends everything in the clear.",
    ),
    Flag("verify_tls", label="Verify TLS certificate", default=True, group=_SERVER),
    Text("login", label="Login", max_length=200, identifier=True, group=_SERVER, help="Empty: without signing in."),
    Secret("password", label="Password", max_length=500, group=_SERVER),
    Text("from_address", label="From address", required=True, max_length=254, group=_SENDER),
    Text("from_name", label="From name", max_length=100, group=_SENDER, help="What recipients see beside the address."),
    Text("reply_to", label="Reply to", max_length=254, group=_SENDER, help="Where answers go; empty: from address."),
    Text(
        "bounce_address",
        label="Bounce address",
        max_length=254,
        group=_SENDER,
        help="Where mail servers report what could not be delivered (the return path); empty: the from address.",
    ),
    Flag("is_active", label="Active", default=True, group=_SENDING, help="Off: takes nothing new; what waits is held."),
    Text("mails_per_second", label="Mails per second", group=_SENDING, help="Empty: no limit of our own."),
    Number(
        "days_to_expire",
        label="Days to expire",
        default=3,
        min=1,
        max=30,
        group=_SENDING,
        help="How long a mail is tried while the server refuses it for the time being.",
    ),
    LongText("description", label="Description", max_length=2000, group=_SENDING),
)
BY_NAME: Final[Mapping[str, Field]] = {field.name: field for field in FIELDS}


def clean(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The named settings as they are stored, and every fault. Names that are not given are not touched."""
    cleaned: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in values.items():
        try:
            cleaned[name] = _clean_one(name, value)
        except FieldError as fault:
            faults.append(Fault(name, fault.code, fault.words))
    return cleaned, faults


def _clean_one(name: str, value: Any) -> Any:
    field = BY_NAME.get(name)
    if field is None:
        raise FieldError(name, "unknown_field", f"There is no setting {name!r}.")
    if not is_storable(value):
        raise FieldError(name, "bad_characters", f"{field.title}: NUL and half characters are not allowed.")
    if field.kind in ("text", "secret") and isinstance(value, str) and re.search(r"[\x00-\x1f\x7f]", value.strip()):
        raise FieldError(name, "bad_characters", f"{field.title}: write it in one line, without control characters.")
    if field.required and value in (None, ""):
        raise FieldError(name, "required", f"{field.title} is needed.")
    if name in _READERS:
        return _READERS[name](field, value)
    cleaned = field.clean(value)
    return "" if cleaned is None and field.kind in ("text", "long_text", "secret") else cleaned


def _host(field: Field, value: Any) -> str:
    host = str(field.clean(value)).strip().strip("[]").rstrip(".").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*", name):
        raise FieldError(field.name, "bad_host", f"{field.title}: write a name such as smtp.example.com.")
    return name


def _address(field: Field, value: Any) -> str:
    written = field.clean(value)
    if not written:
        return ""
    try:
        return parse_address(str(written))
    except BadAddress as bad:
        raise FieldError(field.name, "bad_email", f"{field.title}: {bad}") from None


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


_READERS: Final[Mapping[str, Callable[[Field, Any], Any]]] = {
    "host": _host,
    "from_address": _address,
    "reply_to": _address,
    "bounce_address": _address,
    "mails_per_second": _rate,
}
