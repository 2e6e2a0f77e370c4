"""Tables that people upload: CSV in the encodings that spreadsheets write, and XLSX, read row by row.

Whatever was uploaded becomes a file of lines in a known encoding, so that reading can begin at any row's first byte.
"""

import codecs
import csv
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple, Self

from gatepost.audience import workbooks
from gatepost.audience.workbooks import MOST_COLUMNS
from gatepost.problems import Fault, Problem

LIMIT: Final = 256 * 1024 * 1024
"""Bytes of an uploaded table."""
SHEET_LIMIT: Final = 128 * 1024 * 1024
"""Bytes of an XLSX once it is unpacked. It is read as a whole; larger tables are imported as CSV."""
MOST_PARTS: Final = 1000
LONGEST_LINE: Final = 1024 * 1024
LONGEST_ROW: Final = 4 * LONGEST_LINE
"""Bytes of a row, whose quoted cells may go over many lines."""
SAMPLE: Final = 64 * 1024
DELIMITERS: Final = ";,\t|"
ZIP: Final = b"PK\x03\x04"
OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
SIGNATURES: Final = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"MZ", "a program"),
)

_REFUSED: Final[Mapping[int, tuple[str, str]]] = {
    workbooks.EMPTY: ("file_empty", "No sheet of the workbook holds anything."),
    workbooks.UNREADABLE: ("bad_type", "This workbook cannot be read. Save it as XLSX or CSV."),
}
_TOO_MUCH: Final = ("too_large", "This workbook takes too much room to be read. Save it as CSV.")
"""Why a workbook became no table."""

POLISH: Final = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžäöüßőű")
RUSSIAN: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯіїєґ№")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the lines of a table are to be read. `sheet`: which one of a workbook's they are, where it has several."""

    encoding: str
    delimiter: str
    sheet: str = ""


class TableRow(NamedTuple):
    """A row that is not empty. `end`: where the next one begins; `gap`: how many empty rows stand before it."""

    end: int
    gap: int
    cells: list[str]


def prepare(path: Path, worth: Callable[[Sequence[str]], int]) -> Shape:
    """Make the uploaded file readable line by line, in place. Raises Problem `file_unfit` for what is no table.

    `worth`: how well a first row fits; of several sheets that are shown, the one with the best one is taken.
    """
    with path.open("rb") as file:
        beginning = file.read(SAMPLE)
    if not beginning.strip():
        raise unfit("file_empty", "The file is empty.")
    if beginning.startswith(OLD_EXCEL):
        raise unfit("bad_type", "This is an old Excel file, or one with a password. Save it as XLSX or CSV.")
    for magic, what in SIGNATURES:
        if beginning.startswith(magic):
            raise unfit("bad_type", f"This is {what}, not a table. Choose a CSV or XLSX file.")
    if beginning.startswith(ZIP):
        return Shape("utf-8", ",", _unpack(path, worth))
    encoding = _encoding(path, beginning)
    if encoding.startswith("utf-16"):
        _recode(path, encoding)
        encoding = "utf-8"
    with path.open("rb") as file:
        sample = file.read(SAMPLE).decode(encoding, "ignore")
    if "\x00" in sample:
        raise unfit("bad_type", "This is not a table. Choose a CSV or XLSX file.")
    return Shape(encoding, _delimiter(sample))


def rows(path: Path, shape: Shape, offset: int = 0) -> Iterator[TableRow]:
    """The rows from that byte on. Raises Problem `file_unfit`."""
    gap = 0
    with path.open("rb") as file:
        file.seek(offset)
        lines = _Lines(file, shape.encoding, is_first=offset == 0)
        reader = csv.reader(lines, delimiter=shape.delimiter)
        while True:
            lines.left = LONGEST_ROW
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise unfit("bad_row", "A quote is opened and not closed, or a cell is larger than 128 KiB.") from None
            if any(cell.strip() for cell in cells):
                yield TableRow(file.tell(), gap, cells[:MOST_COLUMNS])
                gap = 0
            else:
                gap += 1


def unfit(code: str, words: str) -> Problem:
    return Problem("file_unfit", faults=[Fault("file", code, words)])


class _Lines:
    """The lines, one at a time, so that the place in the file is always the end of what was read.

    `left`: how many bytes they may have until somebody sets it anew. Raises Problem `file_unfit`.
    """

    def __init__(self, file: IO[bytes], encoding: str, *, is_first: bool) -> None:
        self.left = LONGEST_ROW
        self._file, self._encoding, self._is_first = file, encoding, is_first

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE:
            raise unfit("bad_row", "A line is longer than 1 MiB.")
        self.left -= len(line)
        if self.left < 0:
            raise unfit("bad_row", f"A row is longer than {LONGEST_ROW // 1024 // 1024} MiB, or a quote is not closed.")
        text = line.decode(self._encoding, "replace")
        if self._is_first:
            self._is_first, text = False, text.removeprefix("\ufeff")
        return text


def _encoding(path: Path, beginning: bytes) -> str:
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(SAMPLE):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _code_page(path)
    return "utf-8"


def _code_page(path: Path) -> str:
    """Windows-1250 or 1251, whichever makes more of the bytes beyond ASCII letters of its languages."""
    seen = bytearray()
    with path.open("rb") as file:
        while (chunk := file.read(SAMPLE)) and len(seen) < SAMPLE:
            seen += bytes(byte for byte in chunk if byte >= 0x80)
    central = sum(letter in POLISH for letter in seen.decode("cp1250", "ignore"))
    cyrillic = sum(letter in RUSSIAN for letter in seen.decode("cp1251", "ignore"))
    # Russian text is nearly all letters beyond ASCII, which stand together; the others are rare in between.
    return "cp1251" if cyrillic > central else "cp1250"


def _delimiter(sample: str) -> str:
    """What stands most evenly in the first lines outside of quotes."""
    lines = [line for line in sample.splitlines()[:20] if line.strip()] or [""]
    best, score = ",", 0
    for one in DELIMITERS:
        counts = [len(cells) - 1 for cells in csv.reader(lines, delimiter=one)]
        if counts and counts[0] and (found := min(counts[0], sorted(counts)[len(counts) // 2])) > score:
            best, score = one, found
    return best


def _recode(path: Path, encoding: str) -> None:
    """Write the file anew in UTF-8, so that a line ends with one byte."""
    part = path.with_suffix(".part")
    try:
        with path.open("r", encoding=encoding, newline="") as old, part.open("w", encoding="utf-8", newline="") as new:
            while chunk := old.read(SAMPLE):
                new.write(chunk)
        part.chmod(0o600)
        part.replace(path)
    except UnicodeError:
        raise unfit("bad_encoding", "The text of the file cannot be read. Save it as CSV in UTF-8.") from None
    finally:
        part.unlink(missing_ok=True)


def _unpack(path: Path, worth: Callable[[Sequence[str]], int]) -> str:
    """Write the sheet of the XLSX that is meant as CSV in its place; which of how many it is."""
    _weigh(path)
    part = path.with_suffix(".part")
    try:
        code, sheet = workbooks.unpack(path, part, worth)
        if code != workbooks.DONE:
            raise unfit(
                *_REFUSED.get(code, ("too_large", "This workbook takes too much room to be read. Save it as CSV."))
            )
        part.chmod(0o600)
        part.replace(path)
        return sheet
    finally:
        part.unlink(missing_ok=True)


def _weigh(path: Path) -> None:
    """Refuse an archive that is larger inside than what is said of it, or than what we read; by unpacking it once."""
    left = SHEET_LIMIT
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if not any(part.filename.startswith("xl/") for part in parts) or len(parts) > MOST_PARTS:
                raise unfit("bad_type", "This archive is no XLSX workbook.")
            for part in parts:
                with archive.open(part) as inside:
                    while chunk := inside.read(SAMPLE):
                        left -= len(chunk)
                        if left < 0:
                            words = f"The workbook is larger than {SHEET_LIMIT // 1024 // 1024} MiB inside."
                            raise unfit("too_large", f"{words} Save it as CSV.")
    except Problem:
        raise
    except Exception:
        # A damaged stream ends in an error of whichever library unpacks it.
        raise unfit("bad_type", "This workbook is damaged. Save it as XLSX or CSV.") from None
