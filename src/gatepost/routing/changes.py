"""What happened to the ways of messages: keeping a change that people or the installation's settings made.

Changes that health brings about are kept in health_store.py.
"""

from typing import Final

from django.conf import settings
from django.db.models import Q

from gatepost.routing.models import RoutingChange
from gatepost.workspaces.models import Workspace

ChangeKind = RoutingChange.ChangeKind
NO_DEFAULT: Final = "The installation has no default gateway."
INSTALLATION: Final = Q(kind=ChangeKind.DEFAULT, workspace=None, gateway=None)
"""Changes of GATEPOST_DEFAULT_GATEWAY, which whoever runs the installation sets."""


def keep(kind: str, words: str, *, actor: str, workspace: Workspace | None, gateway_id: int | None) -> None:
    """A change of one workspace, or of a gateway for all that have it."""
    assert workspace is not None or gateway_id is not None, "everybody would see it"
    RoutingChange.objects.create(kind=kind, words=words, actor=actor[:200], workspace=workspace, gateway_id=gateway_id)


def keep_installation_default() -> None:
    """Keep that GATEPOST_DEFAULT_GATEWAY is another than was kept last."""
    name = settings.CONFIG["DEFAULT_GATEWAY"]
    words = f"The default gateway of the installation is {name}." if name else NO_DEFAULT
    last = last_installation_default()
    if words != (last.words if last else NO_DEFAULT):
        RoutingChange.objects.create(kind=ChangeKind.DEFAULT, words=words)


def last_installation_default() -> RoutingChange | None:
    """The newest of these changes, which says what holds now."""
    return RoutingChange.objects.filter(INSTALLATION).order_by("-pk").first()
