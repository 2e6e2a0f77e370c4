"""Who may do what, as tables: the rights of each role, and of each scope that an API key may have.

A route asks for one right. Members have it by their role, keys by a scope, and the installation administrator has
every right in every workspace.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from gatepost.workspaces.models import Role


class Right(StrEnum):
    """What a route may ask for."""

    MESSAGES_SEND = "messages:send"
    MESSAGES_READ = "messages:read"
    GATEWAYS_READ = "gateways:read"
    GATEWAYS_WRITE = "gateways:write"
    GATEWAYS_TEST = "gateways:test"
    ROUTES_READ = "routes:read"
    ROUTES_WRITE = "routes:write"
    SENDERS_READ = "senders:read"
    SENDERS_WRITE = "senders:write"
    SENDERS_DECIDE = "senders:decide"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    AUDIT_READ = "audit:read"


_READS: Final = frozenset(
    {
        Right.MESSAGES_READ,
        Right.GATEWAYS_READ,
        Right.ROUTES_READ,
        Right.SENDERS_READ,
        Right.CONTACTS_READ,
        Right.TEMPLATES_READ,
        Right.CAMPAIGNS_READ,
        Right.WORKSPACE_READ,
    }
)
_SENDS: Final = _READS | {Right.MESSAGES_SEND, Right.CONTACTS_WRITE, Right.TEMPLATES_WRITE}
_SENDS_TO_MANY: Final = _SENDS | {Right.CAMPAIGNS_WRITE}
_OPERATES: Final = _SENDS_TO_MANY | {
    Right.GATEWAYS_WRITE,
    Right.GATEWAYS_TEST,
    Right.ROUTES_WRITE,
    Right.SENDERS_WRITE,
    Right.KEYS_READ,
    Right.WORKSPACE_WRITE,
    Right.PEOPLE_READ,
    Right.AUDIT_READ,
}

ROLES: Final[Mapping[Role, frozenset[Right]]] = {
    Role.OWNER: _OPERATES | {Right.KEYS_WRITE, Right.PEOPLE_WRITE},
    Role.OPERATOR: _OPERATES,
    Role.SENDER: _SENDS_TO_MANY,
    Role.AGENT: _SENDS,
    Role.VIEWER: _READS,
}

ADMINISTRATOR: Final = frozenset(Right)
"""The installation administrator; deciding on sender IDs is theirs alone, whatever the workspace."""

WORDS: Final[Mapping[Right, str]] = {
    Right.MESSAGES_SEND: "Send messages, cancel them, and decide on unknown ones",
    Right.MESSAGES_READ: "Read messages and the log",
    Right.GATEWAYS_READ: "See gateways and the catalogue",
    Right.GATEWAYS_WRITE: "Add, change and delete gateways",
    Right.GATEWAYS_TEST: "Check gateways, send test SMS, ask for balances",
    Right.ROUTES_READ: "See the rules of routing, and where a message would go",
    Right.ROUTES_WRITE: "Add, change, order and delete rules of routing",
    Right.SENDERS_READ: "See sender IDs",
    Right.SENDERS_WRITE: "Ask for sender IDs and choose the default",
    Right.SENDERS_DECIDE: "Approve and refuse sender IDs",
    Right.KEYS_READ: "See API keys",
    Right.KEYS_WRITE: "Make and revoke API keys",
    Right.CONTACTS_READ: "See contacts, their documents and segments",
    Right.CONTACTS_WRITE: "Add, import, change and delete contacts, lists and segments",
    Right.TEMPLATES_READ: "See templates",
    Right.TEMPLATES_WRITE: "Add, change and delete templates",
    Right.CAMPAIGNS_READ: "See campaigns, their recipients and the history of sendings",
    Right.CAMPAIGNS_WRITE: "Write, send, pause and cancel campaigns",
    Right.WORKSPACE_READ: "See the settings of the workspace",
    Right.WORKSPACE_WRITE: "Change the settings of the workspace",
    Right.PEOPLE_READ: "See who is in the workspace",
    Right.PEOPLE_WRITE: "Add and remove people, and change their roles",
    Right.AUDIT_READ: "Read the audit",
}
"""Each right as people read it."""


class Scope(StrEnum):
    """What a key may be allowed. A scope gives the rights that stand beside it, and no others."""

    MESSAGES_SEND = "messages:send"
    MESSAGES_READ = "messages:read"
    GATEWAYS_READ = "gateways:read"
    GATEWAYS_WRITE = "gateways:write"
    GATEWAYS_TEST = "gateways:test"
    ROUTES_READ = "routes:read"
    ROUTES_WRITE = "routes:write"
    SENDERS_READ = "senders:read"
    SENDERS_WRITE = "senders:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"


SCOPES: Final[Mapping[str, frozenset[Right]]] = {
    Scope.MESSAGES_SEND: frozenset({Right.MESSAGES_SEND}),
    Scope.MESSAGES_READ: frozenset({Right.MESSAGES_READ}),
    Scope.GATEWAYS_READ: frozenset({Right.GATEWAYS_READ}),
    Scope.GATEWAYS_WRITE: frozenset({Right.GATEWAYS_READ, Right.GATEWAYS_WRITE}),
    Scope.GATEWAYS_TEST: frozenset({Right.GATEWAYS_TEST}),
    Scope.ROUTES_READ: frozenset({Right.ROUTES_READ}),
    Scope.ROUTES_WRITE: frozenset({Right.ROUTES_READ, Right.ROUTES_WRITE}),
    Scope.SENDERS_READ: frozenset({Right.SENDERS_READ}),
    Scope.SENDERS_WRITE: frozenset({Right.SENDERS_READ, Right.SENDERS_WRITE}),
    Scope.KEYS_READ: frozenset({Right.KEYS_READ}),
    Scope.KEYS_WRITE: frozenset({Right.KEYS_READ, Right.KEYS_WRITE}),
    Scope.CONTACTS_READ: frozenset({Right.CONTACTS_READ}),
    Scope.CONTACTS_WRITE: frozenset({Right.CONTACTS_READ, Right.CONTACTS_WRITE}),
    Scope.TEMPLATES_READ: frozenset({Right.TEMPLATES_READ}),
    Scope.TEMPLATES_WRITE: frozenset({Right.TEMPLATES_READ, Right.TEMPLATES_WRITE}),
    Scope.CAMPAIGNS_READ: frozenset({Right.CAMPAIGNS_READ}),
    Scope.CAMPAIGNS_WRITE: frozenset({Right.CAMPAIGNS_READ, Right.CAMPAIGNS_WRITE}),
    Scope.WORKSPACE_READ: frozenset({Right.WORKSPACE_READ}),
    Scope.WORKSPACE_WRITE: frozenset({Right.WORKSPACE_READ, Right.WORKSPACE_WRITE}),
}


def of_role(role: str) -> frozenset[Right]:
    """The rights of a role; raises ValueError for a role that does not exist."""
    return ROLES[Role(role)]


def of_scopes(scopes: Iterable[str]) -> frozenset[Right]:
    """The rights of a key. A scope that no longer exists gives none."""
    return frozenset(right for scope in scopes for right in SCOPES.get(scope, ()))
