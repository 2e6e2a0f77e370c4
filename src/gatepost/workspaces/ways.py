"""Changes of the ways of messages that are made below the slice that keeps them: routing registers what keeps one."""

from typing import Final, Literal, Protocol

from gatepost.workspaces.models import Workspace

Kind = Literal["default", "gateway"]
"""What changed: which gateway is the default, or a gateway itself."""


class Keeper(Protocol):
    """Keeps one change, in the transaction that makes it."""

    def __call__(
        self, kind: Kind, words: str, *, actor: str, workspace: Workspace | None, gateway_id: int | None
    ) -> None: ...


_KEEPERS: Final[list[Keeper]] = []


def register(keeper: Keeper) -> None:
    """Called once by the slice that keeps changes (from its AppConfig.ready)."""
    _KEEPERS.append(keeper)


def changed(
    kind: Kind, words: str, *, actor: str, workspace: Workspace | None = None, gateway_id: int | None = None
) -> None:
    """Keep what somebody changed, in a sentence. `workspace` None: every workspace that has the gateway sees it."""
    for keep in _KEEPERS:
        keep(kind, words, actor=actor, workspace=workspace, gateway_id=gateway_id)
