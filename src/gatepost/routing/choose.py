"""The choice of a gateway: the message's own, else the workspace's default, else the only one there is."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """A gateway and why; without a gateway, `code` and `words` say what is missing."""

    gateway_id: int | None
    reason: str
    code: str = ""
    words: str = ""


def choose(wanted: str, active: Mapping[int, str], default_id: int | None) -> Choice:
    """`wanted`: name or id of a gateway, or empty. `active`: the workspace's active gateways, id to name."""
    if wanted:
        return _named(wanted, active)
    if default_id in active:
        return Choice(default_id, "default gateway of the workspace")
    if len(active) == 1:
        return Choice(next(iter(active)), "the only active gateway")
    if not active:
        return Choice(None, "", "no_gateway", "There is no active gateway in this workspace.")
    return Choice(None, "", "no_default_gateway", "There are several gateways and none of them is the default.")


def _named(wanted: str, active: Mapping[int, str]) -> Choice:
    by_id = [gateway_id for gateway_id in active if wanted == str(gateway_id)]
    by_name = [gateway_id for gateway_id, name in active.items() if wanted.casefold() == name.casefold()]
    for gateway_id in (*by_id, *by_name):
        return Choice(gateway_id, "chosen by the sender")
    return Choice(None, "", "unknown_gateway", "There is no active gateway of that name in this workspace.")
