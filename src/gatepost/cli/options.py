"""Options that several commands have, spelt once."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_DATA_DIR: Final = Path("var")

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder of the embedded database, keys and logs. [GATEPOST_DATA_DIR, default ./var]",
        show_default=False,
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", help="Address of Gatepost. [GATEPOST_URL, else the running demo's]", show_default=False, metavar="URL"
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        help="API key; the variable is safer, because other users can see a command line. "
        "[GATEPOST_API_KEY, else the running demo's]",
        show_default=False,
        metavar="KEY",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def chosen_data_dir(option: Path | None) -> Path:
    """The data folder by option, variable or default; absolute. Later readers of the variable see the same one."""
    path = (option or Path(os.environ.get("GATEPOST_DATA_DIR") or DEFAULT_DATA_DIR)).expanduser().absolute()
    os.environ["GATEPOST_DATA_DIR"] = str(path)
    return path
