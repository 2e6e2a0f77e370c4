"""What a change of a gateway means for the ways of messages, in words, kept where changes of routing are kept."""

from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import Q

from gatepost.gateways.models import Gateway
from gatepost.workspaces import ways
from gatepost.workspaces.models import Workspace

SWITCHES: Final[Mapping[str, Mapping[bool, str]]] = {
    "is_active": {
        True: "{gateway} was switched on: it takes messages again.",
        False: "{gateway} was switched off: it takes no messages, and what waits for it is held.",
    },
    "is_draining": {
        True: "{gateway} is being drained: it takes no new messages and finishes its queue.",
        False: "{gateway} is no longer being drained: it takes new messages again.",
    },
}
"""The settings that take a gateway out of every route or bring it back, and the words for either."""


def added(gateway: Gateway, actor: str) -> None:
    """It was made, and assigned to its workspaces."""
    ways.changed("gateway", f"The gateway {gateway} was added.", actor=actor, gateway_id=gateway.pk)


def switches_of(gateway: Gateway) -> dict[str, bool]:
    """How they stand, for `switched` later."""
    return {name: getattr(gateway, name) for name in SWITCHES}


def switched(gateway: Gateway, before: Mapping[str, bool], actor: str) -> None:
    """Those that stand otherwise than before."""
    for name, stood in before.items():
        if (stands := getattr(gateway, name)) != stood:
            words = SWITCHES[name][stands].format(gateway=gateway)
            ways.changed("gateway", words, actor=actor, gateway_id=gateway.pk)


def assigned(gateway: Gateway, before: Collection[Workspace], after: Collection[Workspace], actor: str) -> None:
    """Each workspace that got or lost it is told by itself: none learns of the others."""
    for workspaces, words in (
        ([each for each in after if each not in before], "The gateway {gateway} was assigned to the workspace."),
        ([each for each in before if each not in after], "The gateway {gateway} was taken from the workspace."),
    ):
        for workspace in workspaces:
            said = words.format(gateway=gateway)
            ways.changed("gateway", said, actor=actor, workspace=workspace, gateway_id=gateway.pk)


def deleted(gateway: Gateway, heir: Gateway | None, actor: str) -> None:
    """Before it is: what was kept of the gateway goes with it, so each of its workspaces keeps this by itself."""
    for workspace in Workspace.objects.filter(Q(gateways=gateway) | Q(default_gateway=gateway)).distinct():
        words = [f"The gateway {gateway} was deleted."]
        if workspace.default_gateway_id == gateway.pk:
            words.append("The workspace has no default gateway any more.")
        if heir is not None:
            words.append(f"What waited for it went to {heir}.")
        ways.changed("gateway", " ".join(words), actor=actor, workspace=workspace)
