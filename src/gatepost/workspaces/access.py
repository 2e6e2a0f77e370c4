"""Who asks, and whether they may: the one declaration of every API route.

    @router.get("/gateways", auth=needs(Right.GATEWAYS_READ))

A key acts in its own workspace. A signed-in user acts in the workspace named by the `X-Workspace` header, or in the
only one they have. What belongs to another workspace does not exist for them.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest
from ninja.utils import check_csrf

from gatepost.problems import Problem
from gatepost.rest.storable import as_id
from gatepost.workspaces.models import ApiKey, Membership, User, Workspace
from gatepost.workspaces.permissions import ADMINISTRATOR, Right, of_role, of_scopes
from gatepost.workspaces.services import authenticate_key

WORKSPACE_HEADER: Final = "X-Workspace"
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which workspace, with which rights. `actor` is how the audit names them."""

    workspace: Workspace
    actor: str
    rights: frozenset[Right]
    user: User | None = None
    key: ApiKey | None = field(default=None, repr=False)

    @property
    def is_administrator(self) -> bool:
        return self.user is not None and self.user.is_superuser

    def has(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> "Caller":
        """Raises Problem `forbidden` without the right."""
        if right not in self.rights:
            raise Problem("forbidden", f"This needs the right {right}.")
        return self


class KeyAuth:
    """A bearer key. Without an Authorization header it says nothing, so that the session is asked."""

    openapi_security_schema: Final[dict[str, Any]] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of a workspace, with the scope that the route names.",
    }

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, request: HttpRequest) -> Caller | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        key = authenticate_key(token.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise Problem("invalid_key", headers=_CHALLENGE)
        actor = f"key {key.prefix} ({key.name})"
        return Caller(key.workspace, actor, of_scopes(key.scopes), key=key).require(self.right)


class SessionAuth:
    """A user who is signed in to the console; changes need the CSRF token."""

    openapi_security_schema: Final[dict[str, Any]] = {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": f"A session of the console; {WORKSPACE_HEADER} names the workspace by its number.",
    }

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, request: HttpRequest) -> Caller:
        user = request.user
        if not isinstance(user, User):
            raise Problem("unauthenticated", headers=_CHALLENGE)
        if check_csrf(request) is not None:
            raise Problem("csrf_failed")
        workspace, rights = _chosen(user, request.headers.get(WORKSPACE_HEADER, ""))
        return Caller(workspace, user.actor, rights, user=user).require(self.right)


def needs(right: Right) -> list[KeyAuth | SessionAuth]:
    """The `auth` of a route that asks for this right."""
    return [KeyAuth(right), SessionAuth(right)]


def caller(request: HttpRequest) -> Caller:
    """Who asks, on a route that is declared with `needs`."""
    found: Caller = request.auth  # type: ignore[attr-defined]
    return found


def _chosen(user: User, wanted: str) -> tuple[Workspace, frozenset[Right]]:
    number = as_id(wanted)
    if wanted and number is None:
        raise Problem("workspace_needed", f"{WORKSPACE_HEADER} is not the number of a workspace.")
    if user.is_superuser:
        workspaces = Workspace.objects.all()
        return _only(list((workspaces.filter(pk=number) if number else workspaces)[:2]), wanted), ADMINISTRATOR
    memberships = Membership.objects.filter(user=user).select_related("workspace")
    found = {m.workspace: m for m in (memberships.filter(workspace_id=number) if number else memberships)[:2]}
    workspace = _only(list(found), wanted)
    return workspace, of_role(found[workspace].role)


def _only(workspaces: list[Workspace], wanted: str) -> Workspace:
    if wanted and not workspaces:
        raise Problem("not_found", "There is no such workspace.")
    if not workspaces:
        raise Problem("forbidden", "You are not a member of any workspace.")
    if len(workspaces) > 1:
        raise Problem("workspace_needed", f"You have several workspaces: name one in the {WORKSPACE_HEADER} header.")
    return workspaces[0]
