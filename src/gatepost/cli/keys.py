"""`gatepost keys`: API keys, directly on the database, for the operator of the machine who has no key yet."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatepost.cli.installation import find, open_django
from gatepost.cli.moments import clock
from gatepost.cli.options import DataDirOption, JsonOption
from gatepost.cli.terminal import Exit, Refusal, out, show_json, show_table

if TYPE_CHECKING:
    from gatepost.workspaces.models import ApiKey, Workspace

app = typer.Typer(no_args_is_help=True, help="API keys, directly on the database of this machine.")

WorkspaceOption = Annotated[
    str | None, typer.Option(help="Name of the workspace; needed where there are several.", show_default=False)
]
_ACTOR = "operator of the machine"


@app.command("list")
def list_keys(workspace: WorkspaceOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The keys of the workspace, also those that have ended. Tokens are not stored and cannot be shown."""
    keys = list(_workspace(data_dir, workspace).api_keys.all())
    shown = [
        {
            "id": key.pk,
            "name": key.name,
            "prefix": key.prefix,
            "scopes": key.scopes,
            "state": _state(key),
            "created_at": key.created_at.isoformat(),
            "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        }
        for key in keys
    ]
    if as_json:
        show_json(shown)
        return
    rows = [
        (k["id"], k["name"], k["prefix"] + "…", k["state"], clock(k["last_used_at"]) or "never", ", ".join(k["scopes"]))
        for k in shown
    ]
    show_table(("Number", "Name", "Begins with", "State", "Last used", "Scopes"), rows, "There are no keys.")


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="A right of the key; repeat. Default: all of them.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print its token, this once."""
    owner = _workspace(data_dir, workspace)
    from gatepost.workspaces import services
    from gatepost.workspaces.permissions import SCOPES

    key, token = services.create_api_key(owner, name, scope or list(SCOPES), actor=_ACTOR)
    if as_json:
        show_json({"id": key.pk, "name": key.name, "token": token, "scopes": key.scopes, "workspace": owner.name})
    else:
        out.print(token, soft_wrap=True, markup=False)
        out.print("Keep it now: it is not shown again.", style="dim")


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Number of the key, or what it begins with.")],
    workspace: WorkspaceOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """End a key at once, on every node."""
    owner = _workspace(data_dir, workspace)
    from gatepost.workspaces import services

    prefix = "_".join(key.split("_")[:2]).rstrip("…")
    found = next((each for each in owner.api_keys.all() if key == str(each.pk) or prefix == each.prefix), None)
    if found is None:
        raise Refusal(f"The workspace {owner} has no such key.", "See `gatepost keys list`.")
    services.revoke_api_key(found, actor=_ACTOR)
    out.print(f"The key {found.name} has ended.", markup=False)


def _workspace(data_dir: Path | None, name: str | None) -> "Workspace":
    open_django(find(data_dir))
    from gatepost.workspaces.models import Workspace

    known = list(Workspace.objects.order_by("name"))
    found = [each for each in known if name is None or each.name.lower() == name.lower()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in known) or "none"
    if name is None and known:
        raise Refusal("There are several workspaces.", f"Name one with --workspace: {names}.", code=Exit.USAGE)
    raise Refusal("There is no such workspace." if known else "There is no workspace yet.", f"Known: {names}.")


def _state(key: "ApiKey") -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= datetime.now(UTC) else "good"
