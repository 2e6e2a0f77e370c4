"""What the accounts took and what the handsets saw: the accept log and the virtual phone's conversation."""

from collections import OrderedDict, deque
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from gatepost.simulators.handset import State

KEPT = 250_000
"""Entries kept of each kind; a checker that needs more must read as it goes. `dropped` counts what is gone."""


@dataclass(slots=True, kw_only=True)
class Message:
    """A message that an account took. `at` and `state_at` are Unix times, `price` is in the account's unit.

    `wire` is what the simulator itself needs to remember of the request, such as a receipt URL's parameters.
    """

    account: str
    id: str
    reference: str
    to: str
    sender: str
    text: str
    segments: int
    price: Decimal
    at: float
    state: State
    state_at: float
    receipt_url: str = ""
    send_at: float | None = None
    wire: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or other file in a reply."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a handset sends: `sender` is the phone (digits), `to` the account's number. `at` is a Unix time.

    `answers` is the latest message to that phone from this account.
    """

    id: str
    account: str
    sender: str
    to: str
    text: str
    at: float
    media: tuple[Media, ...] = ()
    answers: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A line of the accept log, written before the answer leaves. `seq` counts over all accounts."""

    seq: int
    account: str
    id: str
    reference: str
    to: str
    sender: str
    text: str
    segments: int
    at: float


class Records:
    """Shared by all accounts of a server."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; counters go on, so that readers with a cursor miss nothing new."""
        self._log: deque[Accepted] = deque(maxlen=KEPT)
        self._bubbles: OrderedDict[tuple[str, str], tuple[int, Message | Reply]] = OrderedDict()
        self._seq = getattr(self, "_seq", 0)
        self._revision = getattr(self, "_revision", 0)
        self.dropped = 0

    def accepted(self, message: Message) -> None:
        self._seq += 1
        self.dropped += len(self._log) == KEPT
        self._log.append(
            Accepted(
                seq=self._seq,
                account=message.account,
                id=message.id,
                reference=message.reference,
                to=message.to,
                sender=message.sender,
                text=message.text,
                segments=message.segments,
                at=message.at,
            )
        )
        self.changed(message)

    def changed(self, entry: Message | Reply) -> None:
        """The phone shows this entry anew."""
        key = (type(entry).__name__ + entry.account, entry.id)
        self._revision += 1
        self._bubbles[key] = (self._revision, entry)
        self._bubbles.move_to_end(key)
        if len(self._bubbles) > KEPT:
            self._bubbles.popitem(last=False)

    def log(self, since: int = 0, account: str = "") -> dict[str, Any]:
        """The lines after `since`, oldest first, with the cursor to go on from."""
        entries = []
        for line in reversed(self._log):
            if line.seq <= since:
                break
            if account in ("", line.account):
                entries.append(asdict(line))
        return {"entries": entries[::-1], "cursor": self._seq, "dropped": self.dropped}

    def phone(self, since: int = 0, number: str = "", *, limit: int) -> dict[str, Any]:
        """What changed on the handsets after `since`, oldest change first, with the cursor to go on from.

        Of more than `limit` changes only the latest are shown.
        """
        bubbles: list[dict[str, Any]] = []
        for revision, entry in reversed(self._bubbles.values()):
            if revision <= since or len(bubbles) == limit:
                break
            bubble = _from_phone(entry) if isinstance(entry, Reply) else _to_phone(entry)
            if number in ("", bubble["number"]):
                bubbles.append(bubble)
        return {"messages": bubbles[::-1], "cursor": self._revision}


def _to_phone(message: Message) -> dict[str, Any]:
    return {
        "direction": "to_phone",
        "account": message.account,
        "id": message.id,
        "reference": message.reference,
        "number": message.to,
        "other": message.sender,
        "text": message.text,
        "segments": message.segments,
        "at": message.at,
        "state": message.state,
        "state_at": message.state_at,
    }


def _from_phone(reply: Reply) -> dict[str, Any]:
    return {
        "direction": "from_phone",
        "account": reply.account,
        "id": reply.id,
        "number": reply.sender,
        "other": reply.to,
        "text": reply.text,
        "at": reply.at,
        "media": [{"name": media.name, "content_type": media.content_type} for media in reply.media],
    }
