"""An XLSX as CSV, unpacked by a process of its own.

A workbook of a kilobyte can name a cell in the last row and column, for which the library that reads it claims hundreds
of gigabytes and takes its process down. So that process is a small one with bounds, and only its answer counts: it
tells how the sheets begin, is told which one is meant, and writes that.
"""

import csv
import json
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any, Final

from gatepost.problems import Problem

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MEMORY: Final = 1024 * 1024 * 1024
"""Bytes of address space; a workbook of numbers as large as tables.SHEET_LIMIT needs some 700 MiB."""
PROCESSOR_S: Final = 40
DEADLINE_S: Final = 120
PATIENCE_S: Final = 10.0
RETRY_AFTER_S: Final = "20"
MOST_COLUMNS: Final = 200
MOST_SHEETS: Final = 100
LONGEST_NAME: Final = 60
"""Characters of a first row's cell by which sheets are told apart."""

DONE: Final = 0
UNREADABLE: Final = 10
EMPTY: Final = 11

_one_at_a_time: Final = threading.Lock()


def unpack(workbook: Path, table: Path, worth: Callable[[Sequence[str]], int]) -> tuple[int, str]:
    """Write as CSV in UTF-8 the sheet that is shown and whose first row is worth the most.

    DONE, UNREADABLE or EMPTY, anything else where it took too much; and which sheet of how many it was.
    Raises Problem `too_many_requests` while another one is read: memory is bounded for one, and so are the threads that
    wait.
    """
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        raise Problem("too_many_requests", "Another workbook is being read.", headers={"Retry-After": RETRY_AFTER_S})
    try:
        command = [sys.executable, "-m", __name__, str(workbook), str(table)]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True, encoding="utf-8") as child:
            return _led(child, worth)
    finally:
        _one_at_a_time.release()


def _led(child: "subprocess.Popen[str]", worth: Callable[[Sequence[str]], int]) -> tuple[int, str]:
    deadline = threading.Timer(DEADLINE_S, child.kill)
    deadline.start()
    try:
        sheet = _choose(child, worth)
        return child.wait(), sheet
    finally:
        deadline.cancel()


def _choose(child: "subprocess.Popen[str]", worth: Callable[[Sequence[str]], int]) -> str:
    """Tell the process which sheet is meant; its name, where it has others beside it."""
    assert child.stdin is not None
    assert child.stdout is not None
    told = child.stdout.readline()
    if not told.endswith("\n"):
        return ""
    known = json.loads(told)
    place, name, _ = max(known["sheets"], key=lambda sheet: worth(sheet[2]))
    with suppress(BrokenPipeError):
        child.stdin.write(f"{place}\n")
        child.stdin.flush()
    return f"{name}, sheet {place + 1} of {known['count']}" if known["count"] > 1 else ""


def _main(workbook: str, table: str) -> int:
    from python_calamine import CalamineError

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    # Not every system can bound memory.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        return _write(workbook, table)
    except (CalamineError, OSError, ValueError):
        return UNREADABLE


def _write(workbook: str, table: str) -> int:
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    book = CalamineWorkbook.from_path(workbook)
    shown = [n for n, one in enumerate(book.sheets_metadata) if one.visible == SheetVisibleEnum.Visible]
    firsts = {n: row for n in shown[:MOST_SHEETS] if (row := _first_row(book.get_sheet_by_index(n)))}
    if not firsts:
        return EMPTY
    sheets = [(n, book.sheet_names[n], [cell[:LONGEST_NAME] for cell in row]) for n, row in firsts.items()]
    sys.stdout.write(json.dumps({"count": len(book.sheet_names), "sheets": sheets}) + "\n")
    sys.stdout.flush()
    sheet = book.get_sheet_by_index(int(sys.stdin.readline()))
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for cells in sheet.iter_rows():
            writer.writerow([_cell(cell) for cell in cells[:MOST_COLUMNS]])
    return DONE


def _first_row(sheet: "CalamineSheet") -> list[str]:
    """Its first row that holds anything."""
    rows = ([_cell(cell) for cell in cells[:MOST_COLUMNS]] for cells in sheet.iter_rows())
    return next((cells for cells in rows if any(cell.strip() for cell in cells)), [])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
