"""What deleting a gateway would affect. Slices above register what they know, because gateways do not know them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gatepost.gateways.models import Gateway, SenderId


@dataclass(frozen=True, slots=True)
class Effect:
    """So many things of a kind, and what becomes of them."""

    what: str
    count: int
    then: str


@dataclass(frozen=True, slots=True)
class Dependant:
    """`count` says what is there; `release` lets go of it, in the transaction that deletes the gateway."""

    count: Callable[[Gateway], Iterable[Effect]]
    release: Callable[[Gateway], None]


_DEPENDANTS: Final[list[Dependant]] = []


def register(dependant: Dependant) -> None:
    """Called once by each slice that refers to gateways (from its AppConfig.ready)."""
    _DEPENDANTS.append(dependant)


def affected(gateway: Gateway) -> list[Effect]:
    """Everything that deleting the gateway would affect; empty where nothing is."""
    own = [
        Effect("workspaces that use it by default", gateway.default_of.count(), "have no default gateway"),
        Effect("sender IDs approved for it", SenderId.objects.filter(gateway=gateway).count(), "are deleted"),
    ]
    others = [effect for dependant in _DEPENDANTS for effect in dependant.count(gateway)]
    return [effect for effect in own + others if effect.count]


def release(gateway: Gateway) -> None:
    """Let go of everything that refers to the gateway."""
    for dependant in _DEPENDANTS:
        dependant.release(gateway)
