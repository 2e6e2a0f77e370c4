"""A simulated provider account at work: it takes messages, charges for them, lets handsets answer, sends receipts.

A simulator module describes its protocol as a `Simulator`; everything that protocols have in common lives here.
"""

import asyncio
import random
import re
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

from gatepost.simulators.faults import HEALTHY, BadSwitch, Faults
from gatepost.simulators.handset import Behaviour, State, behaviour_of
from gatepost.simulators.records import KEPT, Media, Message, Records, Reply
from gatepost.simulators.wire import Answer, Push, Request

REORDERED_AFTER_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account at a simulated provider, as it is set up.

    `name` is the first segment of its path. `credentials` and `options` override the simulator's own. `numbers` are
    where phones can reply to (digits). `balance` is in the provider's unit. `senders` are the sender IDs that are
    active, `*` for any. `delivery_s` is how long a delivery takes, from and to. `port`: a port of its own beside the
    path on the shared one, so that `break` can refuse connections.
    """

    name: str
    slug: str
    label: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    balance: Decimal = Decimal(1_000_000)
    senders: tuple[str, ...] = ("*",)
    delivery_s: tuple[float, float] = (0.3, 0.8)
    receipt_url: str = ""
    inbound_url: str = ""
    mms_url: str = ""
    faults: Faults = HEALTHY
    port: int | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", self.name):
            raise ValueError(f"The account name {self.name!r} is not of lower-case letters, digits and hyphens.")


@dataclass(frozen=True, slots=True)
class Report:
    """News of a message that is due now. `state` is `sent` for an intermediate one."""

    message: Message
    state: State
    at: float


Handler = Callable[[Request, "LiveAccount"], Answer | Awaitable[Answer]]


def always(_request: Request) -> bool:
    return True


def never(_request: Request) -> bool:
    return False


@dataclass(frozen=True)
class Route:
    """`pattern`: the path, with `{name}` for a segment. `submits`: whether a request hands over messages, which is
    what the faults concern."""

    method: str
    pattern: str
    handler: Handler
    submits: Callable[[Request], bool] = never

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.pattern)))

    def match(self, request: Request) -> dict[str, str] | None:
        if self.method != request.method:
            return None
        found = self._regex.fullmatch(request.path)
        return found.groupdict() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A provider's protocol, seen from the provider.

    `credentials` and `options`: defaults of an account. `receipts` and `inbound` write the callbacks; a message or
    reply nobody wants to hear of gives none. `refuse(code, request)`: the provider's answer for a code of its error
    table, `codes`; `failed` and `throttled` are the codes for the fault switches of that kind. `interim`: whether
    the provider reports `sent` before the final state. `keeps_replies`: whether customers can fetch what phones write,
    so that no URL is needed. `without_id`: an accepting answer with its message ids taken out. `memory`: makes what an
    account remembers beyond its messages.
    """

    slug: str
    label: str
    routes: tuple[Route, ...]
    receipts: Callable[[Sequence[Report], "LiveAccount"], Sequence[Push]]
    inbound: Callable[[Reply, "LiveAccount"], Sequence[Push]]
    refuse: Callable[[str, Request], Answer]
    codes: tuple[str, ...]
    failed: str
    throttled: str
    not_found: Callable[[Request], Answer]
    price: Decimal
    credentials: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    interim: bool = False
    keeps_replies: bool = False
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    without_id: Callable[[Answer], Answer] = lambda answer: answer
    memory: Callable[[], Any] = lambda: None

    def find(self, request: Request) -> tuple[Route, Request] | None:
        """The route for the request, and the request with what the path captured."""
        for route in self.routes:
            captured = route.match(request)
            if captured is not None:
                return route, replace(request, captured=captured)
        return None


class Courier(Protocol):
    """What an account needs to send its callbacks; see courier.py."""

    def gather(self, live: "LiveAccount", report: Report) -> None: ...

    async def try_once(self, live: "LiveAccount", push: Push) -> tuple[int, bytes]: ...


class LiveAccount:
    """An account with what happened to it. `memory` belongs to its simulator."""

    def __init__(self, account: Account, simulator: Simulator, records: Records, courier: Courier) -> None:
        self.account = account
        self.simulator = simulator
        self.records = records
        self.courier = courier
        self.credentials = {**simulator.credentials, **account.credentials}
        self.generation = 0
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.reset()

    def reset(self) -> None:
        """As it was set up: balance, faults, callbacks, memory; what was under way is dropped.

        `generation` tells those who still carry something of before that it is nobody's any more.
        """
        self.stop()
        self.generation += 1
        self.options = {**self.simulator.options, **self.account.options}
        self.balance = self.account.balance
        self.receipt_url = self.account.receipt_url
        self.inbound_url = self.account.inbound_url
        self.mms_url = self.account.mms_url
        self.delivery_s = self.account.delivery_s
        self.memory: Any = self.simulator.memory()
        self.early: list[Report] = []
        self.requests = 0
        self.callbacks: deque[dict[str, Any]] = deque(maxlen=200)
        self._messages: dict[str, Message] = {}
        self._by_reference: dict[str, Message] = {}
        self._latest_to: dict[str, Message] = {}
        self._arrivals: deque[float] = deque()
        self.set_faults(self.account.faults)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def messages(self) -> Sequence[Message]:
        """What was taken and not forgotten, oldest first."""
        return tuple(self._messages.values())

    @property
    def taken(self) -> int:
        """How many messages are remembered."""
        return len(self._messages)

    def set_faults(self, faults: Faults) -> None:
        """Raises BadSwitch for a code that the provider does not have."""
        if faults.refuse and faults.refuse not in self.simulator.codes:
            raise BadSwitch(f"refuse is one of {', '.join(self.simulator.codes)}, or empty.")
        self.faults = faults
        self._spoils_left = faults.times

    def allows_sender(self, sender: str) -> bool:
        return "*" in self.account.senders or sender in self.account.senders

    def can_pay(self, price: Decimal) -> bool:
        return price <= self.balance

    def accept(
        self,
        *,
        to: str,
        text: str,
        sender: str,
        segments: int,
        reference: str = "",
        price: Decimal | None = None,
        receipt_url: str = "",
        send_at: float | None = None,
        blocked: bool = False,
        wire: Mapping[str, Any] | None = None,
    ) -> Message:
        """Take a message: into the accept log, off the balance, on its way to the handset.

        `price` defaults to the simulator's per segment. `send_at` is a Unix time. `blocked`: taken and charged, but
        final as rejected at once, and no receipt follows.
        """
        now = time.time()
        scheduled = send_at is not None and send_at > now
        message = Message(
            account=self.name,
            id=self._new_id(),
            reference=reference,
            to=to,
            sender=sender,
            text=text,
            segments=segments,
            price=self.simulator.price * segments if price is None else price,
            at=now,
            state="rejected" if blocked else "scheduled" if scheduled else "accepted",
            state_at=now,
            receipt_url=receipt_url,
            send_at=send_at if scheduled else None,
            wire=dict(wire or {}),
        )
        self.balance -= message.price
        self._remember(message)
        self.records.accepted(message)
        if not blocked:
            self._schedule(message, behaviour_of(to), (send_at or now) - now if scheduled else 0.0)
        return message

    def find(self, message_id: str) -> Message | None:
        return self._messages.get(message_id)

    def with_reference(self, reference: str, within_s: float) -> Message | None:
        """The latest message with this reference of ours, if it was taken within so many seconds."""
        message = self._by_reference.get(reference)
        return message if message and time.time() - message.at <= within_s else None

    def cancel(self, message: Message) -> bool:
        """Stop a scheduled message; false where it is too late."""
        if message.state != "scheduled":
            return False
        timer = self._timers.pop(id(message), None)
        if timer:
            timer.cancel()
        self._set_state(message, "cancelled")
        return True

    def compose_reply(self, sender: str, to: str, text: str, media: tuple[Media, ...] = ()) -> Reply:
        return Reply(
            id=self.simulator.new_id(),
            account=self.name,
            sender=sender,
            to=to,
            text=text,
            at=time.time(),
            media=media,
            answers=self._latest_to.get(sender),
        )

    def is_over_limit(self) -> bool:
        """Whether this submit is one too many within a second; counts it if not."""
        if not self.faults.throttle:
            return False
        now = time.monotonic()
        while self._arrivals and now - self._arrivals[0] >= 1.0:
            self._arrivals.popleft()
        if len(self._arrivals) >= self.faults.throttle:
            return True
        self._arrivals.append(now)
        return False

    def is_failing(self) -> bool:
        """Whether this submit is among the share that fails."""
        return random.random() < self.faults.fail  # noqa: S311  chance, no secret

    def is_spoiling(self) -> bool:
        """Whether the answer to this submit is to be spoilt; counts down `times`."""
        if not self.faults.answer or self._spoils_left == 0 or random.random() >= self.faults.rate:  # noqa: S311  chance, no secret
            return False
        if self._spoils_left is not None:
            self._spoils_left -= 1
        return True

    def _new_id(self) -> str:
        if self.faults.duplicate_ids and self._messages:
            return next(reversed(self._messages))
        return self.simulator.new_id()

    def _remember(self, message: Message) -> None:
        self._messages[message.id] = message
        self._latest_to[message.to] = message
        if message.reference:
            self._by_reference[message.reference] = message
        for index in (self._messages, self._latest_to, self._by_reference):
            if len(index) > KEPT:
                del index[next(iter(index))]

    def _schedule(self, message: Message, behaviour: Behaviour, wait_s: float) -> None:
        order = behaviour.receipts or self.faults.receipts
        if behaviour.state is None:
            return
        if order == "early":
            self._set_state(message, behaviour.state)
            self.early.append(Report(message, behaviour.state, message.state_at))
            return
        delay = behaviour.after_s if behaviour.after_s is not None else random.uniform(*self.delivery_s)  # noqa: S311
        delay += wait_s + (self.faults.late_s if order == "late" else 0.0)
        loop = asyncio.get_running_loop()
        if order != "reordered" and (self.simulator.interim or wait_s):
            self._timers[id(message)] = loop.call_later(
                wait_s + (delay - wait_s) / 3, self._pass_on, message, behaviour.state, order, 2 * (delay - wait_s) / 3
            )
        else:
            self._timers[id(message)] = loop.call_later(delay, self._finish, message, behaviour.state, order)

    def _pass_on(self, message: Message, final: State, order: str, rest_s: float) -> None:
        """The provider hands the message to the network."""
        self._set_state(message, "sent")
        if self.simulator.interim and order != "none":
            self.courier.gather(self, Report(message, "sent", message.state_at))
        self._timers[id(message)] = asyncio.get_running_loop().call_later(rest_s, self._finish, message, final, order)

    def _finish(self, message: Message, final: State, order: str) -> None:
        self._timers.pop(id(message), None)
        self._set_state(message, final)
        report = Report(message, final, message.state_at)
        for _ in range({"none": 0, "duplicate": 2}.get(order, 1)):
            self.courier.gather(self, report)
        if order == "reordered":
            late = Report(message, "sent", message.state_at - 0.1)
            self._timers[id(message)] = asyncio.get_running_loop().call_later(
                REORDERED_AFTER_S, self._report_late, message, late
            )

    def _report_late(self, message: Message, report: Report) -> None:
        self._timers.pop(id(message), None)
        self.courier.gather(self, report)

    def _set_state(self, message: Message, state: State) -> None:
        message.state = state
        message.state_at = time.time()
        self.records.changed(message)
