"""The contract between an adapter and whoever drives it. An adapter builds requests and reads responses; it never
opens a socket, logs, sleeps, retries or reads a clock.

Every operation is a generator ("flow") that yields steps and receives what they bring:

    submit(batch, gw, ctx)       -> {ref: Outcome}          yields calls and cached flows, then at most one send(...)
    parse_callback(raw, gw)      -> Callback                a plain function
    verify(raw, gw)              -> bool | None             a plain function, for providers that sign their callbacks;
                                                            None: these settings leave nothing to verify
    query(sent, gw, ctx)         -> list[Receipt]           state of single messages, asked for
    poll(feed, cursor, gw, ctx)  -> Later                   a feed: yields Commit(items, cursor) when something came
    find(sent, gw, ctx)          -> {ref: Found}            did you ever see this reference? (before a re-send)
    balance(gw, ctx)             -> Balance
    check(gw, ctx)               -> Checked                 a harmless call that proves the settings
    prepare(settings)            -> settings                amend settings as a whole when saved, or raise FieldError
    capabilities(settings)       -> {manifest field: value} what differs from the manifest under these settings
    preview(settings)            -> Request                 the request for a sample message, secrets masked
    export_preset(settings)      -> data                    settings to share, without secrets
    import_preset(data)          -> settings                the other way round, or raise FieldError

Exceptions an adapter may raise: MalformedAnswer (the kit's readers do), Stop(outcome), Renew(name, otherwise).
"""

from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

from gatepost.providers.wire import Request
from gatepost.sms.outcomes import Outcome, Price, Refusal
from gatepost.sms.states import State
from gatepost.sms.values import quick_dataclass

T = TypeVar("T")


class AdapterError(Exception):
    """Everything an adapter may raise on purpose."""


class MalformedAnswer(AdapterError):
    """The other side's words make no sense. `excerpt` is short; the driver redacts it before anyone sees it."""

    def __init__(self, words: str, excerpt: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.excerpt = excerpt


class Stop(AdapterError):
    """Raised while preparing: all messages get this outcome and nothing is sent (a sign-in that was denied).

    In a query, poll, balance or check it says the same: this is what the other side answered.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.words or outcome.cause)
        self.outcome = outcome


class Renew(AdapterError):
    """The cached value `name` was refused and nothing was processed: forget it and run the flow once more.

    When the value had been fetched by this very flow, `otherwise` is the answer instead.
    """

    def __init__(self, name: str, otherwise: Outcome) -> None:
        super().__init__(f"{name} was refused")
        self.name = name
        self.otherwise = otherwise


@quick_dataclass(frozen=True, slots=True)
class Message:
    """One message as an adapter sees it.

    `ref`: our reference, at most 13 lower-case alphanumerics. `to`: E.164 digits without "+". `encoding`: what the
    text needs. `send_at`: set only where the provider schedules. `attempt` counts from 1. `is_urgent`: a one-time code.
    """

    ref: str
    to: str
    text: str
    sender: str = ""
    encoding: Literal["gsm7", "ucs2"] = "gsm7"
    segments: int = 1
    validity_s: int | None = None
    send_at: datetime | None = None
    attempt: int = 1
    is_urgent: bool = False


@quick_dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one request, alike where the manifest asks for it, in order."""

    messages: tuple[Message, ...]

    @property
    def first(self) -> Message:
        return self.messages[0]

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(message.ref for message in self.messages)

    def all(self, outcome: Outcome) -> dict[str, Outcome]:
        """The same outcome for every message."""
        return {message.ref: outcome for message in self.messages}


@dataclass(frozen=True, slots=True)
class Gateway:
    """The settings of one account, cleaned, secrets in the clear; never shown in a repr."""

    slug: str
    settings: Mapping[str, Any] = field(repr=False)
    name: str = ""
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What `make` makes of the settings, made for the first message and kept for all that follow."""
        try:
            made: T = self._made[name]
        except KeyError:
            made = self._made[name] = make()
        return made

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def get(self, name: str) -> Any:
        return self.settings.get(name)

    def text(self, name: str) -> str:
        value = self.settings.get(name)
        return "" if value is None else str(value)

    def url(self, path: str = "", base: str = "base_url") -> str:
        return self.text(base).rstrip("/") + path


@quick_dataclass(frozen=True, slots=True)
class Context:
    """What an adapter may not fetch itself.

    `serial`: a positive int32, the same for a repeat of the same request. `is_resend`: this submission repeats one
    whose fate is unknown, so a `duplicate` answer means accepted. `receipt_url`, `inbound_url`: our public callback
    addresses, empty while there is no public URL.
    """

    now: datetime
    nonce: str = ""
    serial: int = 1
    is_resend: bool = False
    receipt_url: str = ""
    inbound_url: str = ""

    def receipt_url_for(self, ref: str) -> str:
        return f"{self.receipt_url}?ref={ref}" if self.receipt_url else ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that costs nothing and may be repeated. `label` names the step in Check and in traces."""

    request: Request
    label: str = ""


@quick_dataclass(frozen=True, slots=True)
class Send:
    """The one request of a submit that may cost money."""

    request: Request


@dataclass(frozen=True, slots=True)
class Cached:
    """A value that outlives the flow (token, cookie, WSDL): fetched by `flow` once for all, kept `ttl_s` seconds.

    The flow may return `(value, ttl_s)` where the answer says how long the value lives.
    """

    name: str
    ttl_s: float
    flow: "Callable[[], Flow[Any]]"


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop a cached value."""

    name: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Items of a feed to store, and where the feed stands after them; the flow goes on once they are on disk."""

    items: "tuple[Item, ...]"
    cursor: str


Step = Call | Send | Cached | Forget | Commit
Flow = Generator[Step, Any, T]
Results = dict[str, Outcome]


@quick_dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says about a message.

    The message is found by `ref` (ours), else by the first of `keys` that is known, else by `serial` (of the
    submission) and `to`, else, where only `to` is set, by number and newest open message. `status` and `words` are
    the provider's own; `state` None means unrecognised: it is kept and shown, and moves nothing.
    Where a message has several keys (one per part), its slowest and worst part decides.
    """

    state: State | None
    status: str
    keys: tuple[str, ...] = ()
    ref: str = ""
    to: str = ""
    serial: int | None = None
    words: str = ""
    code: str = ""
    refusal: Refusal | None = None
    at: datetime | None = None
    segments: int | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or file of an inbound MMS: its bytes, or the URL (and headers) it can be fetched from."""

    content_type: str = ""
    name: str = ""
    body: bytes = field(default=b"", repr=False)
    url: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a handset, numbers as the provider wrote them.

    `id`: the provider's, or empty (then sender, recipient, time and text tell repeats apart). `part`: (reference,
    number, count) where parts come one by one. `answers`: ids of the message that it answers, the provider's (as in
    `Receipt.keys`) or our reference; only what the provider itself names.
    """

    sender: str
    recipient: str
    text: str
    id: str = ""
    at: datetime | None = None
    kind: Literal["sms", "mms"] = "sms"
    media: tuple[Media, ...] = ()
    answers: tuple[str, ...] = ()
    part: tuple[str, int, int] | None = None


@dataclass(frozen=True, slots=True)
class OptOut:
    """The provider tells that a number has opted out (or, with `back_in`, opted in again)."""

    number: str
    words: str = ""
    back_in: bool = False


Item = Receipt | Inbound | OptOut


@quick_dataclass(frozen=True, slots=True)
class Ack:
    """The exact answer that the provider wants to a callback."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@quick_dataclass(frozen=True, slots=True)
class Callback:
    """What a callback said, and the answer it gets once the items are on disk."""

    items: tuple[Item, ...] = ()
    ack: Ack = Ack()


@dataclass(frozen=True, slots=True)
class Sent:
    """A message whose state is asked for. `serial` is that of its submission, `asked` how often it was asked before."""

    ref: str
    keys: tuple[str, ...]
    to: str
    sender: str = ""
    serial: int = 0
    submitted_at: datetime | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up by our reference said: seen under `keys`, or never seen (`seen` False)."""

    seen: bool
    keys: tuple[str, ...] = ()
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Ask again after so many seconds, from this cursor."""

    after_s: float
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """`unit`: a currency code, or the provider's own word ("points", "credits", "SMS")."""

    amount: Decimal
    unit: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. `outcome` None means that everything is in order."""

    words: str
    outcome: Outcome | None = None
    balance: Balance | None = None


def call(request: Request, label: str = "") -> Call:
    return Call(request, label)


def send(request: Request) -> Send:
    return Send(request)
