"""How this program is called from the folder and the terminal that it was started in."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from gatepost.cli.options import DEFAULT_DATA_DIR

NAME: Final = "gatepost"


def line(*words: str, data_dir: Path | None = None) -> str:
    """A command that works when it is copied into a shell in this folder.

    `data_dir` is named where the command would look in another one.
    """
    is_elsewhere = data_dir is not None and data_dir.resolve() != DEFAULT_DATA_DIR.resolve()
    return shlex.join([*_program(), *words, *(["--data-dir", str(data_dir)] if is_elsewhere else [])])


def _program() -> list[str]:
    """By its name where the shell finds it by that, else by the path under which it was started."""
    started = Path(sys.argv[0]).absolute()
    if started.name == "__main__.py":
        return [_from_here(Path(sys.executable)), "-m", NAME]
    known = shutil.which(NAME)
    if known is not None and started.exists() and Path(known).samefile(started):
        return [NAME]
    return [_from_here(started)]


def _from_here(path: Path) -> str:
    """Relative to this folder where it lies in it, always with a slash: a bare name would be looked for elsewhere."""
    here = Path.cwd()
    if not path.is_relative_to(here):
        return str(path)
    inside = path.relative_to(here)
    return str(inside) if len(inside.parts) > 1 else f"./{inside}"
