"""`gatepost workspaces`: tenants, directly on the database, for the operator of the machine."""

from typing import Annotated

import typer

from gatepost.cli import itself
from gatepost.cli.installation import find, open_django
from gatepost.cli.options import DataDirOption, JsonOption, chosen_data_dir
from gatepost.cli.terminal import out, show_json, show_table

app = typer.Typer(no_args_is_help=True, help="Workspaces (tenants), directly on the database of this machine.")


@app.command("list")
def list_workspaces(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The workspaces of the installation."""
    open_django(find(data_dir, needs_keys=False))
    from gatepost.workspaces.models import Workspace

    found = [
        {
            "id": each.pk,
            "name": each.name,
            "default_gateway": each.default_gateway.name if each.default_gateway else None,
            "default_country": each.default_country,
            "sending_enabled": each.sending_enabled,
        }
        for each in Workspace.objects.select_related("default_gateway").order_by("name")
    ]
    if as_json:
        show_json(found)
        return
    rows = [
        (
            w["id"],
            w["name"],
            w["default_gateway"] or "none",
            w["default_country"],
            "on" if w["sending_enabled"] else "off",
        )
        for w in found
    ]
    headings = ("Number", "Name", "Default gateway", "Default country", "Sending")
    show_table(headings, rows, "There is no workspace yet: `gatepost workspaces create NAME`.")


@app.command("create")
def create_workspace(
    name: Annotated[str, typer.Argument(help="Its name.")],
    country: Annotated[str, typer.Option(help="Country of numbers written without one, such as PL.")] = "",
    data_dir: DataDirOption = None,
) -> None:
    """Make a workspace."""
    open_django(find(data_dir, needs_keys=False))
    from gatepost.workspaces import services

    made = services.create_workspace(name, default_country=country, actor="operator of the machine")
    following = itself.line("keys", "create", "NAME", "--workspace", made.name, data_dir=chosen_data_dir(data_dir))
    out.print(f"Workspace {made.pk} {made.name} was made. Next: {following}", soft_wrap=True, markup=False)
