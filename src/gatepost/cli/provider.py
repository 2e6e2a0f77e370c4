"""`gatepost provider new`: the beginning of an adapter, in a checkout of the project."""

from pathlib import Path
from typing import Annotated

import typer

from gatepost.cli.terminal import Refusal, out

app = typer.Typer(no_args_is_help=True, help="Write adapters for providers, in a checkout of the project.")


@app.callback()
def group() -> None:
    """Keeps `new` a command of its own while it is the only one."""


@app.command("new")
def new(
    slug: Annotated[str, typer.Argument(help="Short name: small letters, digits and _.")],
    label: Annotated[
        str | None, typer.Option(help="The provider's name as people read it.", show_default=False)
    ] = None,
) -> None:
    """Write a module, a folder of exchanges and a page of quirks that pass the contract tests at once."""
    from gatepost.cli.scaffold import ScaffoldError, new_provider

    try:
        written = new_provider(slug, label or slug.replace("_", " ").title(), Path.cwd())
    except ScaffoldError as error:
        raise Refusal(str(error)) from None
    for path in written:
        out.print(str(path.relative_to(Path.cwd())), markup=False)
    out.print(f'Next: make test PYTEST_ARGS="tests/providers -k {slug}"', style="dim", markup=False)
