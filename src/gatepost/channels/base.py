"""What a channel is to those who write to many: it knows addresses, says what would become of messages, and sends them.

A channel keeps what it sends in rows of its own; campaigns keep the number of that row for each recipient. Everything
works on many at once: a campaign has up to millions of recipients.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from gatepost.audience.models import Contact
from gatepost.problems import Fault
from gatepost.sms.states import WORDS, State, Word


class Reason(StrEnum):
    """Why a contact gets nothing."""

    NO_NUMBER = "no_number"
    NO_EMAIL = "no_email"
    INVALID = "invalid"
    SUPPRESSED = "suppressed"
    BLOCKED = "blocked"
    DUPLICATE = "duplicate"
    MISSING_VALUE = "missing_value"
    NO_DOCUMENT = "no_document"
    TOO_MANY_SEGMENTS = "too_many_segments"
    TOO_LARGE = "too_large"
    NO_ROUTE = "no_route"
    SENDER = "sender"
    TEXT = "text"


REASONS: Final[Mapping[Reason, str]] = {
    Reason.NO_NUMBER: "No phone number",
    Reason.NO_EMAIL: "No e-mail address",
    Reason.INVALID: "Invalid address",
    Reason.SUPPRESSED: "On the suppression list",
    Reason.BLOCKED: "Blocked",
    Reason.DUPLICATE: "Duplicate: another recipient has the same address",
    Reason.MISSING_VALUE: "A value for the text is missing",
    Reason.NO_DOCUMENT: "No financial document",
    Reason.TOO_MANY_SEGMENTS: "Too many segments",
    Reason.TOO_LARGE: "Too large",
    Reason.NO_ROUTE: "No gateway takes it",
    Reason.SENDER: "The sender ID is not taken",
    Reason.TEXT: "The text cannot be sent",
}


def in_sentences(*parts: str) -> str:
    """The parts one after the other, each with an end of its own; empty ones are left out."""
    return " ".join(part if part[-1] in ".!?" else f"{part}." for part in parts if part)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Somebody who gets nothing. `words`: what is so in this case."""

    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What one contact is sent. `attachments` and `documents` are ids; `send_at` (aware) None means at once.

    `contact_id` is 0 where it goes to nobody's contact: a test.
    """

    contact_id: int
    address: str
    text: str
    subject: str = ""
    send_at: datetime | None = None
    attachments: tuple[int, ...] = ()
    documents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What would be sent. `segments` counts parts that cost (0 where none do); `gateway_id` and `gateway`: by what.

    `saved`: segments that replacing the costly characters would save.
    """

    due_at: datetime
    gateway_id: int | None = None
    gateway: str = ""
    encoding: str = ""
    segments: int = 0
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What all messages of one sending have in common. `gateway`: its name or number, empty for the route or default;
    for e-mail the account. `kind`: mass or test. `peer`: the client's address where it came over the network, as for
    accepting."""

    workspace_id: int
    kind: str = "mass"
    campaign_id: int | None = None
    user_id: int | None = None
    api_key_id: int | None = None
    peer: str | None = None
    gateway: str = ""
    sender: str = ""
    priority: str = "bulk"
    tag: str = ""
    to_billing: bool = False
    shorten: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The sending of one campaign. Its messages are posted between these moments; `until` None: it is not over."""

    workspace_id: int
    campaign_id: int
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one message stands. `cause`: why it failed, in words; `gateway`: by what it was sent. `ref`: its id as the
    API says it; `url`: its page. `read_at`: when it was read, where that is known."""

    state: State
    at: datetime
    ref: str = ""
    address: str = ""
    subject: str = ""
    text: str = ""
    cause: str = ""
    gateway: str = ""
    url: str = ""
    read_at: datetime | None = None

    @property
    def word(self) -> Word:
        return WORDS[self.state]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which one-off messages: those with smaller ids than `before`, at most `limit`. What is empty does not restrict.

    `query`: the beginning of an address, or part of a subject where there are any. Times are aware; `until` is
    exclusive.
    """

    workspace_id: int
    limit: int
    before: int | None = None
    kind: str = ""
    words: tuple[Word, ...] = ()
    query: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OneOff:
    """A message that belongs to no campaign's recipients: single, test, reply or system. `ref`: as for Standing."""

    id: int
    ref: str
    at: datetime
    kind: str
    address: str
    text: str
    state: State
    url: str = ""

    @property
    def word(self) -> Word:
        return WORDS[self.state]


class Channel(Protocol):
    """One way to reach people."""

    name: str
    label: str
    needs_subject: bool

    def address(self, contact: Contact, order: Order) -> str | Excluded:
        """Where the contact is reached, in the form in which two that are the same are equal."""

    def is_address(self, address: str, workspace_id: int) -> str | Excluded:
        """The address of a test as a person wrote it, in that form."""

    def faults(self, order: Order) -> list[Fault]:
        """What keeps all of it from being sent, such as a gateway that is not there; `field` as in Order."""

    def check(self, order: Order, pieces: Sequence[Piece]) -> list[Facts | Excluded]:
        """What would become of each, in order; nothing is sent."""

    def post(self, order: Order, pieces: Sequence[Piece]) -> list[int | Excluded]:
        """The ids of what will be sent once the caller's transaction commits, or why not, in order. In bulk."""

    def takes_s(self, gateway_id: int | None, messages: int, segments: int, *, are_alike: bool) -> float | None:
        """How long the gateway (or account) takes for so many at its configured rate, in seconds; None without a limit.

        `are_alike`: all have the same text, so that those who take batches take them together.
        """

    def hold(self, run: Run, on: bool) -> int:
        """Keep what waits from being sent, or let it go on; how many. One statement."""

    def cancel(self, run: Run, *, actor: str) -> int:
        """Take what waits out of the queue for good; how many. One statement."""

    def tally(self, run: Run) -> Mapping[State, int]:
        """How many messages of the campaign stand where. One statement."""

    def standings(self, ids: Collection[int]) -> Mapping[int, Standing]:
        """Where each of these stands."""

    def one_offs(self, asked: Asked) -> Sequence[OneOff]:
        """The newest of its one-off messages, newest first, by ids that grow with time."""

    def having(self, ids: Collection[int], states: Collection[State]) -> set[int]:
        """Those of these messages that stand in one of the states."""


CHANNELS: Final[dict[str, Channel]] = {}


def register(channel: Channel) -> None:
    """Let campaigns send by this channel."""
    CHANNELS[channel.name] = channel
