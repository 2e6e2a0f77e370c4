"""Keys that people and keys make: never with more rights than their maker has."""

from datetime import datetime

from gatepost.problems import Fault, Problem
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import ApiKey
from gatepost.workspaces.permissions import SCOPES, of_scopes
from gatepost.workspaces.services import create_api_key


def make_key(asker: Caller, name: str, scopes: list[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key of the asker's workspace and its token, which is shown this once.

    Raises Problem `scope_not_yours` or `invalid`.
    """
    beyond = [scope for scope in scopes if scope in SCOPES and scope not in scopes_within(asker)]
    if beyond:
        faults = [Fault("scopes", "scope_not_yours", f"You do not have {scope} yourself.") for scope in beyond]
        raise Problem("scope_not_yours", faults=faults)
    return create_api_key(asker.workspace, name, scopes, expires_at, asker.user, actor=asker.actor)


def scopes_within(asker: Caller) -> list[str]:
    """The scopes that the asker may give."""
    return [scope for scope in SCOPES if of_scopes([scope]) <= asker.rights]
