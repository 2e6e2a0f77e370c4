"""How the command line talks: tables, JSON, steps, and refusals with a remedy instead of tracebacks."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNDECIDED = 4


EXIT_WORDS: Final[Mapping[Exit, str]] = {
    Exit.OK: "done",
    Exit.REFUSED: "refused or failed; the message says why and what to do",
    Exit.USAGE: "the command was written wrongly",
    Exit.UNREACHABLE: "Gatepost or its database could not be reached",
    Exit.UNDECIDED: "the time to wait was over before the outcome was known",
}


class Refusal(Exception):
    """A command that cannot be carried out. `remedy` is what the person at the terminal can do; never a secret."""

    def __init__(self, sentence: str, remedy: str = "", *, code: Exit = Exit.REFUSED, log: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.code = code
        self.log = log


def complain(refusal: Refusal) -> None:
    """Show a refusal on standard error."""
    err.print(f"[red]Error:[/red] {escape(refusal.sentence)}", soft_wrap=True)
    if refusal.remedy:
        err.print(escape(refusal.remedy), soft_wrap=True)
    if refusal.log:
        err.print(escape(refusal.log), style="dim", soft_wrap=True)


def show_json(value: Any) -> None:
    """Print the value as JSON, for programs: no colour, no wrapping."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], nothing: str, *, is_cut: bool = False
) -> None:
    """Print a table, or the sentence `nothing` where there are no rows.

    The last column takes several lines on a narrow terminal, or is cut where `is_cut`; piped output is whole.
    """
    listed = [[escape("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not listed:
        out.print(nothing)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        is_last = heading == headings[-1]
        table.add_column(heading, overflow="ellipsis" if is_cut else "fold", no_wrap=is_cut or not is_last)
    for row in listed:
        table.add_row(*row)
    out.print(table, width=None if out.is_terminal else 400, crop=False)


class Steps:
    """What is being set up, a line per step: ticked off on a terminal, plain lines elsewhere.

    No thread draws here, so that processes can be started while a step runs.
    """

    def __init__(self, console: Console = out, *, is_verbose: bool = False) -> None:
        self._console = console
        self._is_verbose = is_verbose
        self._current = ""
        self._began = 0.0

    def begin(self, text: str) -> None:
        """The step before is done, and this one runs."""
        self.end()
        self._current, self._began = text, time.monotonic()
        if self._console.is_terminal:
            self._write(f"  … {text}")
        else:
            self._console.print(escape(text), soft_wrap=True)

    def end(self, mark: str = "✓") -> None:
        """The running step is over, if there is one."""
        if not self._current:
            return
        took = f"{time.monotonic() - self._began:.2f} s" if self._is_verbose else ""
        if self._console.is_terminal:
            self._write("\r\x1b[2K")
            style = "green" if mark == "✓" else "red"
            self._console.print(f"  [{style}]{mark}[/{style}] {escape(self._current)} [dim]{took}[/dim]")
        elif took:
            self._console.print(f"  {took}")
        self._current = ""

    def note(self, text: str) -> None:
        """A line beside the steps."""
        self.end()
        self._console.print(f"  {escape(text)}", soft_wrap=True)

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
