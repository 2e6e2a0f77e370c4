"""The virtual phone of the demo: what became of messages, seen from the handset; and the simulated gateways."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from gatepost.console.remote import Account, Bubble, Simulators, simulators
from gatepost.dispatch.forgetting import forget
from gatepost.gateways.models import Gateway
from gatepost.inbox.models import InboundMessage
from gatepost.messages.log import standings
from gatepost.messages.models import Message, Suppression
from gatepost.sms.ids import from_ref
from gatepost.sms.states import WORDS, State, Word
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

PHONE: Final = "447700900123"
"""The handset that is there from the start; of Ofcom's range for drama, so no subscriber has it."""
SHOWN: Final = 30
LOOKED_THROUGH: Final = 300
HANDSETS: Final = 12

SWITCHES: Final[Mapping[str, Mapping[str, Any]]] = {
    "break": {"break": "refuse"},
    "slow": {"break": False, "delay_ms": 4000},
    "repair": dict.fromkeys(("fail", "delay_ms", "throttle"), 0)
    | {"break": False, "refuse": "", "answer": "", "receipts": "normal"},
}
"""What each button does, in the terms of the simulators' fault switches."""

TICKS: Final[Mapping[Word, str]] = {
    Word.NEW: "clock",
    Word.SENDING: "clock",
    Word.SENT: "check",
    Word.ERROR: "cross",
    Word.EXPIRED: "cross",
    Word.CANCELLED: "cross",
}


@dataclass(frozen=True, slots=True)
class Simulated:
    """A gateway of the workspace whose provider is simulated."""

    gateway: Gateway
    account: Account


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the conversation. `message` None: the phone wrote it. `is_there`: the handset has it."""

    text: str
    other: str
    at: datetime
    is_there: bool
    state: State | None = None
    held: str = ""
    message: Message | None = None

    @property
    def tick(self) -> str:
        """The picture of its state."""
        if self.state is None:
            return ""
        return "double-check" if self.state is State.DELIVERED else TICKS[WORDS[self.state]]


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo as a workspace meets it."""

    simulators: Simulators
    workspace: Workspace
    simulated: tuple[Simulated, ...]

    @property
    def gateway_ids(self) -> list[int]:
        return [each.gateway.pk for each in self.simulated]

    def named(self, account: str) -> Simulated | None:
        """The gateway of that simulated account."""
        return next((each for each in self.simulated if each.account.name == account), None)


def demo_of(workspace: Workspace) -> Demo | None:
    """None where there are no simulators, or no gateway of the workspace leads to them. Raises Away."""
    found = simulators(settings.DATA_DIR)
    if found is None:
        return None
    accounts = found.accounts()
    simulated = tuple(
        Simulated(gateway, account)
        for gateway in workspace.gateways.order_by("id")
        for account in accounts
        if _leads_to(gateway, account.url)
    )
    return Demo(found, workspace, simulated) if simulated else None


def handsets(demo: Demo, chosen: str) -> list[str]:
    """The numbers that were written to last, with the demo's own phone and the chosen one."""
    recent = _messages(demo).values_list("to_digits", flat=True)[:LOOKED_THROUGH]
    return list(dict.fromkeys([PHONE, chosen, *recent]))[:HANDSETS]


def conversation(demo: Demo, number: str) -> list[Text]:
    """The latest texts to and from a number, oldest first. Raises Away."""
    messages = list(_messages(demo).filter(to_digits=number)[:SHOWN])
    bubbles = demo.simulators.bubbles(number)
    arrived = _arrived(messages, [bubble for bubble in bubbles if not bubble.is_from_phone], demo)
    standing = standings(messages)
    texts = [
        Text(
            text=arrived[message.pk].text if message.pk in arrived else message.body,
            other=message.sender,
            at=message.created_at,
            is_there=message.pk in arrived or standing[message.pk].state is State.DELIVERED,
            state=standing[message.pk].state,
            held=standing[message.pk].held,
            message=message,
        )
        for message in messages
    ]
    names = {each.account.name for each in demo.simulated}
    written = [bubble for bubble in bubbles if bubble.is_from_phone and bubble.account in names]
    texts += [Text(bubble.text, bubble.other, datetime.fromtimestamp(bubble.at, UTC), True) for bubble in written]
    return sorted(texts, key=lambda text: text.at)[-SHOWN:]


def count(demo: Demo) -> int:
    """How many messages a reset would delete."""
    return _messages(demo).count()


def answers_to(demo: Demo, number: str) -> Simulated:
    """Where a reply of that phone goes: through the gateway that wrote to it last."""
    last = _messages(demo).filter(to_digits=number).first()
    return next((each for each in demo.simulated if last and each.gateway.pk == last.gateway_id), demo.simulated[0])


def reset(demo: Demo, asker: Caller) -> int:
    """Everything of the simulated gateways in the workspace as at the start; how many messages were deleted.

    Messages, inbound messages and opt-outs go; gateways, people and keys stay. Raises Away, and changes nothing then.
    """
    demo.simulators.reset()
    with transaction.atomic():
        count = forget(demo.workspace.pk, demo.gateway_ids)
        InboundMessage.objects.filter(workspace=demo.workspace, gateway_id__in=demo.gateway_ids).delete()
        Suppression.objects.filter(workspace=demo.workspace, source="provider").delete()
        audit(asker.actor, "demo.reset", demo.workspace, demo.workspace, messages=count)
    return count


def _messages(demo: Demo) -> QuerySet[Message]:
    own = Message.objects.filter(workspace=demo.workspace, gateway_id__in=demo.gateway_ids)
    return own.select_related("gateway").order_by("-pk")


def _leads_to(gateway: Gateway, url: str) -> bool:
    values = [value for value in gateway.settings.values() if isinstance(value, str)]
    return any(value == url or value.startswith(f"{url}/") for value in values)


def _arrived(messages: Iterable[Message], bubbles: Sequence[Bubble], demo: Demo) -> dict[int, Bubble]:
    """What the handset has of these messages: found by our reference, else by the provider's id, else by the text.

    Some protocols carry neither, so that the text is all there is.
    """
    accounts = {each.gateway.pk: each.account.name for each in demo.simulated}
    by_reference = {parsed[0]: b for b in bubbles if (parsed := from_ref(b.reference)) is not None}
    by_id = {(bubble.account, bubble.id): bubble for bubble in bubbles}
    nameless = [bubble for bubble in bubbles if not bubble.reference]
    found: dict[int, Bubble] = {}
    for message in messages:
        account = accounts.get(message.gateway_id or 0, "")
        bubble = by_reference.get(message.pk) or by_id.get((account, message.provider_ref or ""))
        if bubble is None:
            alike = [b for b in nameless if (b.account, b.text) == (account, message.body)]
            bubble = alike[-1] if alike else None
        if bubble is not None:
            found[message.pk] = bubble
            nameless = [each for each in nameless if each is not bubble]
    return found
