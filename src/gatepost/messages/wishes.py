"""What accepting is about: a message as somebody asks for it, what is known when it is looked at, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

import msgspec

from gatepost.links.shortening import Codes
from gatepost.providers.manifest import SenderRule
from gatepost.routing.rules import Rule

Networks = tuple[IPv4Network | IPv6Network, ...]

LANES = {"code": 0, "normal": 1, "bulk": 2}


# One of each of these is made per message: a Struct takes a tenth of the time that a frozen dataclass takes.
class Wish(msgspec.Struct, frozen=True):
    """A message as somebody asks for it; nothing in it has been checked. `gateway`: a number is its id, a text its name
    or else its id."""

    to: str
    text: str
    sender: str = ""
    gateway: str | int = ""
    client_ref: str | None = None
    priority: str = "normal"
    send_at: datetime | None = None
    validity_s: int | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """What accepting needs to know of a gateway. `down`: why it is down, by country; "" is everywhere; `shares`: of
    the messages that may try it nevertheless, likewise. `shortens`: links of the messages that it takes are ours."""

    id: int
    name: str
    is_sending: bool
    sender: str = ""
    sender_rule: SenderRule = field(default_factory=SenderRule)
    verified_senders: frozenset[str] | None = None
    verified_phones: frozenset[str] | None = None
    send_networks: Networks = ()
    max_segments: int | None = None
    days_to_expire: int = 3
    grouped_by: tuple[str, ...] | None = None
    is_draining: bool = False
    named_fails_over: bool = False
    down: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    shortens: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything about a workspace that accepting depends on, at one moment.

    `gateways`: the active ones assigned to it. `senders`: approved sender IDs, each with the gateway it is approved
    for (None: all). `suppressed`: those of the numbers at hand that must not be sent to. `rules`: the workspace's, then
    the installation's. `conversations`: of the numbers at hand, through which gateway they wrote last. `absent`: why a
    gateway is not among `gateways`. `link_base`: where short links are, empty where no gateway shortens.
    """

    workspace_id: int
    now: datetime
    is_sending: bool = True
    default_country: str = ""
    default_gateway_id: int | None = None
    default_sender: str = ""
    installation_sender: str = ""
    senders: frozenset[tuple[str, int | None]] = frozenset()
    gateways: Mapping[int, GatewayFacts] = field(default_factory=dict)
    suppressed: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    installation_gateway_id: int | None = None
    conversations: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[int, str] = field(default_factory=dict)
    link_base: str = ""


class Short(msgspec.Struct, frozen=True):
    """A text whose links were shortened, its size, and the codes that are stored with the message."""

    text: str
    encoding: str
    segments: int
    links: Codes


class Taken(msgspec.Struct, frozen=True):
    """A message that will be stored, complete. `held`: why it waits, if it does. `route`: what chose its gateway.
    `peer`: the client's address, where a gateway asks for it. `links`: the codes of short links in the text."""

    to: str
    text: str
    encoding: str
    segments: int
    gateway_id: int
    sender: str
    sender_reason: str
    lane: int
    due_at: datetime
    expires_at: datetime
    group_key: int
    send_at: datetime | None = None
    validity_s: int | None = None
    client_ref: str | None = None
    held: str | None = None
    tag: str | None = None
    route: str = ""
    peer: str | None = None
    links: Codes = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """A message that is not taken: a stable code, what is wrong, what to do, and which field it is about."""

    code: str
    words: str
    remedy: str
    field: str = ""


class Denial(Exception):
    """Carries the denial to whoever answers."""

    def __init__(self, code: str, words: str, remedy: str, about: str = "") -> None:
        super().__init__(code)
        self.denied = Denied(code, words, remedy, about)
