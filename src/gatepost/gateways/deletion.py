"""What deleting a gateway would affect. Slices above register what they know, because gateways do not know them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gatepost.gateways.models import Gateway, SenderId
from gatepost.problems import Problem


@dataclass(frozen=True, slots=True)
class Effect:
    """So many things of a kind, and what becomes of them. `needs_heir`: only another gateway can take them over."""

    what: str
    count: int
    then: str
    needs_heir: bool = False


@dataclass(frozen=True, slots=True)
class Dependant:
    """`count` says what is there; `release` lets go of it, in the transaction that deletes the gateway.

    `release` gets the gateway that takes over what waits, None where none was named; it may raise Problem.
    """

    count: Callable[[Gateway], Iterable[Effect]]
    release: Callable[[Gateway, Gateway | None], None]


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


def heirs(gateway: Gateway) -> list[Gateway]:
    """The gateways that may take over what waits: active, without restrictions, in the same workspaces."""
    owners = set(gateway.workspaces.values_list("pk", flat=True))
    others = Gateway.objects.filter(is_active=True, only_verified_phones=False, only_verified_senders=False)
    found = others.filter(workspaces__in=owners).exclude(pk=gateway.pk).distinct().prefetch_related("workspaces")
    return [one for one in found if owners <= {workspace.pk for workspace in one.workspaces.all()}]


def release(gateway: Gateway, heir: Gateway | None = None) -> None:
    """Let go of everything that refers to the gateway. Raises Problem `gateway_heir` for one that cannot take over."""
    if heir is not None and heir not in heirs(gateway):
        raise Problem("gateway_heir", f"{heir} cannot take over what waits for {gateway}.")
    for dependant in _DEPENDANTS:
        dependant.release(gateway, heir)
