"""REST: who asks, the workspace, its keys."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from gatepost.problems import Fault, Problem
from gatepost.rest.bodies import Body, Id, Moment, Name
from gatepost.rest.paging import Page, Paged, PageOf, page
from gatepost.workspaces import services
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.keys import make_key
from gatepost.workspaces.models import ApiKey, Workspace
from gatepost.workspaces.permissions import Right, Scope

router = Router(tags=["Workspace"])


class WorkspaceOut(Schema):
    id: int
    name: str
    sending_enabled: bool
    default_gateway: Annotated[int | None, Field(alias="default_gateway_id", description="Number of a gateway.")]
    default_country: str
    created_at: datetime


class WhoAmI(Schema):
    """The caller as the server sees them."""

    actor: str
    workspace: WorkspaceOut
    rights: list[str]
    is_administrator: bool


class WorkspaceChanges(Body):
    name: Name | None = None
    sending_enabled: bool | None = None
    default_gateway: Annotated[int | None, Field(ge=1, lt=2**63, description="Null: no default gateway.")] = None
    default_country: Annotated[str | None, Field(max_length=2, description="Two letters; empty for none.")] = None


class KeyOut(Schema):
    id: int
    name: str
    prefix: Annotated[str, Field(description="How the key begins.")]
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewKey(Body):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Moment | None = None


class KeyWithToken(KeyOut):
    """A new key with its token, which is shown this once."""

    token: str


@router.get("/whoami", auth=needs(Right.WORKSPACE_READ), response=WhoAmI)
def whoami(request: HttpRequest) -> Any:
    """Who asks, in which workspace, with which rights."""
    asker = caller(request)
    return {
        "actor": asker.actor,
        "workspace": asker.workspace,
        "rights": sorted(asker.rights),
        "is_administrator": asker.is_administrator,
    }


@router.get("/workspace", auth=needs(Right.WORKSPACE_READ), response=WorkspaceOut)
def read_workspace(request: HttpRequest) -> Workspace:
    """The workspace of the caller."""
    return caller(request).workspace


@router.patch("/workspace", auth=needs(Right.WORKSPACE_WRITE), response=WorkspaceOut)
def update_workspace(request: HttpRequest, changes: WorkspaceChanges) -> Workspace:
    """Change what is named; `null` for `default_gateway` means that there is none."""
    asker = caller(request)
    values = changes.model_dump(exclude_unset=True)
    faults = [
        Fault(name, "required", f"{name} cannot be null.")
        for name, value in values.items()
        if value is None and name != "default_gateway"
    ]
    if "default_gateway" in values:
        wanted = values.pop("default_gateway")
        values["default_gateway"] = asker.workspace.gateways.filter(pk=wanted).first() if wanted else None
        if wanted and values["default_gateway"] is None:
            faults.append(Fault("default_gateway", "not_found", "The workspace has no such gateway."))
    if faults:
        raise Problem("invalid", faults=faults)
    return services.update_workspace(asker.workspace, actor=asker.actor, **values) if values else asker.workspace


@router.get("/keys", auth=needs(Right.KEYS_READ), response=PageOf[KeyOut])
def list_keys(request: HttpRequest, asked: Page) -> Paged[ApiKey]:
    """The keys of the workspace, newest first, also those that have ended."""
    return page(ApiKey.objects.filter(workspace=caller(request).workspace), asked)


@router.post("/keys", auth=needs(Right.KEYS_WRITE), response={201: KeyWithToken})
def create_key(request: HttpRequest, new: NewKey) -> Any:
    """Make a key. Its token is in this answer only. Nobody can give a key rights that they do not have."""
    key, token = make_key(caller(request), new.name, list(new.scopes), new.expires_at)
    return Status(201, KeyOut.from_orm(key).model_dump() | {"token": token})


@router.delete("/keys/{int:key_id}", auth=needs(Right.KEYS_WRITE), response=KeyOut)
def revoke_key(request: HttpRequest, key_id: Id) -> ApiKey:
    """End a key at once. It stays in the list."""
    asker = caller(request)
    key = ApiKey.objects.filter(workspace=asker.workspace, pk=key_id).first()
    if key is None:
        raise Problem("not_found", "There is no such key.")
    return services.revoke_api_key(key, actor=asker.actor)
