"""Who meets whom: one module per provider with `MEETINGS`, found by discovery."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatepost.sms.outcomes import Kind, Refusal
from gatepost.sms.states import State

TEXTS = (
    "test",
    "€^{}[]~|\\ @£",
    "Zażółć gęślą jaźń",
    "Привет",
    'emoji 🎉 and "quotes" & 100% + #',
    "line\nbreak %TO% {{text}}",
    "a" * 459,
)
ENDINGS = {
    "0001": {State.UNDELIVERED},
    "0002": {State.EXPIRED, State.UNDELIVERED},
    "0006": {State.REJECTED, State.UNDELIVERED},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A gateway of a provider and its simulated account.

    `settings` are made of the account's address and credentials. `variant` tells several meetings of one provider
    apart. `number` is where phones reply to, `country` begins the numbers of phones. `texts`: what the protocol can
    carry. `endings`: special number to the states it may end in. `refusals`: a code of the simulator to the refusal
    class, or kind of outcome, that the adapter must make of it. `bad_number`: whether the protocol refuses one at
    submit. `reads_replies`: whether phones can reply. `pushes_replies`: whether the account has our address for
    replies; else they are fetched. `pushes_batch`: whether reports of a batch are pushed; else they are asked for.
    `tells_auth`: whether a submit says that credentials are wrong. `has_balance`: whether this protocol of the
    provider tells one. `can_check`: whether it has anything harmless to ask.
    """

    slug: str
    settings: Callable[[str, Mapping[str, str]], Mapping[str, Any]]
    variant: str = ""
    sender: str = "Gatepost"
    number: str = "48799100100"
    country: str = "48"
    options: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = TEXTS
    endings: Mapping[str, set[State]] = field(default_factory=lambda: ENDINGS)
    refusals: Mapping[str, Refusal | Kind] = field(default_factory=dict)
    bad_number: bool = True
    reads_replies: bool = True
    pushes_replies: bool = True
    pushes_batch: bool = True
    tells_auth: bool = True
    has_balance: bool = True
    has_check: bool = True
    looks_up: bool = True
    can_check: bool = True

    @property
    def name(self) -> str:
        return f"{self.slug}-{self.variant}" if self.variant else self.slug

    def phone(self, ending: str = "0200") -> str:
        """The number of a phone; its last four digits say what becomes of messages."""
        return f"{self.country}60010{ending}"


def all_meetings() -> list[Meeting]:
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return [meeting for module in modules for meeting in module.MEETINGS]
