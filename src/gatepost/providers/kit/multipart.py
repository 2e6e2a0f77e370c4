"""Reading multipart/form-data, the form in which providers hand over pictures."""

import re
from dataclasses import dataclass, field

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.wire import RawCallback

BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})"?', re.IGNORECASE)
PARAMETER = r'(?:^|[;\s]){}="((?:[^"\\]|\\.)*)"'


@dataclass(frozen=True, slots=True)
class Part:
    """One field: a value, or a file where `filename` is set."""

    name: str
    body: bytes = field(repr=False)
    filename: str = ""
    content_type: str = ""


def read_multipart(raw: RawCallback) -> list[Part]:
    """The parts in order. A body without its boundary is an odd one; a part without a name is left out."""
    found = BOUNDARY.search(raw.header("content-type") or "")
    pieces = raw.body.split(b"--" + found.group(1).encode("utf-8", "replace")) if found else []
    if len(pieces) < 2:
        raise MalformedAnswer("the body is not multipart")
    parts = (_part(piece) for piece in pieces[1:] if not piece.startswith(b"--"))
    return [part for part in parts if part.name]


def _part(piece: bytes) -> Part:
    head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    disposition = headers.get("content-disposition", "")
    return Part(
        _parameter(disposition, "name"),
        body.removesuffix(b"\r\n"),
        _parameter(disposition, "filename"),
        headers.get("content-type", ""),
    )


def _parameter(header: str, name: str) -> str:
    found = re.search(PARAMETER.format(name), header, re.IGNORECASE)
    return re.sub(r"\\(.)", r"\1", found.group(1)).replace("\x00", "\ufffd") if found else ""
