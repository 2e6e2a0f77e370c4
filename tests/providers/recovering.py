"""Reads a text back out of a request, the way the provider would: by decoding, never by looking for it in the raw."""

import csv
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from gatepost.providers.wire import Request

CHARSETS = ("utf-8", "windows-1251", "iso-8859-2", "windows-1250", "latin-1")
HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def holds_text(request: Request, text: str) -> bool:
    """Whether some decoded value of the request holds the text; line ends and control characters may have changed."""
    wanted = settled(text)
    return any(wanted in settled(value) for charset in CHARSETS for value in _values(request, charset))


def settled(text: str) -> str:
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _values(request: Request, charset: str) -> Iterator[str]:
    query = request.url.partition("?")[2]
    try:
        body = request.body.decode(charset)
        for pairs in (query, body):
            for _, value in parse_qsl(pairs, keep_blank_values=True, encoding=charset, errors="strict"):
                yield from _nested(value)
    except UnicodeDecodeError:
        return
    yield from _inside(body, depth=2)
    if not _is_structured(request):
        yield body


def _is_structured(request: Request) -> bool:
    content_type = dict(request.headers).get("content-type", "")
    return any(word in content_type for word in ("json", "xml", "form"))


def _nested(value: str) -> Iterator[str]:
    yield value
    yield from _inside(value, depth=2)
    if len(value) >= 4 and HEX.fullmatch(value):
        for charset in ("utf-16-be", "utf-8", "latin-1"):
            try:
                yield bytes.fromhex(value).decode(charset)
            except UnicodeDecodeError:
                continue


def _inside(document: str, depth: int) -> Iterator[str]:
    """The values of a document within a value: JSON, XML or CSV."""
    if not depth:
        return
    for leaf in (*_json_leaves(document), *_xml_leaves(document), *_csv_cells(document)):
        if leaf != document:
            yield leaf
            yield from _inside(leaf, depth - 1)


def _json_leaves(document: str) -> Iterator[str]:
    if not document.lstrip().startswith(("{", "[", '"')):
        return
    try:
        yield from _leaves(json.loads(document))
    except ValueError:
        return


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str):
        yield value
        if len(value) >= 4 and HEX.fullmatch(value):
            yield from (text for text in _nested(value) if text != value)


def _xml_leaves(document: str) -> Iterator[str]:
    if not document.lstrip().startswith("<"):
        return
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return
    for element in root.iter():
        yield from element.attrib.values()
        yield "".join(element.itertext())


def _csv_cells(document: str) -> Iterator[str]:
    if '"' not in document or "\n" not in document or len(document) > 20_000:
        return
    try:
        for row in csv.reader(document.splitlines(keepends=True)):
            yield from row
    except csv.Error:
        return
