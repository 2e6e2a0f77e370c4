"""Where in an answer something is looked for: `body`, `status`, `header:NAME`, `json:PATH`, `xml:XPATH`, `form:NAME`,
and `body:PATTERN` for the first group of a pattern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qs

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.answers import storable
from gatepost.providers.kit.http_template.documents import (
    Document,
    Pairs,
    json_steps,
    parse_json,
    parse_xml,
    xpath,
)
from gatepost.providers.kit.http_template.limited import compiled, search
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.providers.wire import Headers, Response
from gatepost.sms.values import quick_dataclass

_CHARSET = re.compile(
    r"utf-?8|us-ascii|ascii|iso-8859-[0-9]{1,2}|windows-125[0-9]|koi8-[ru]|utf-16(?:be|le)?", re.IGNORECASE
)
KINDS = ("body", "status", "header", "json", "xml", "form")


@dataclass(frozen=True, slots=True)
class Lookup:
    kind: str
    path: str = ""


@quick_dataclass(frozen=True, slots=True)
class Answer:
    """What can be looked into: an answer, a callback, or one item of an answer (`document`)."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    charset: str = "utf-8"
    query: str = ""
    document: Document | None = None
    _parsed: dict[str, Document | None] = field(default_factory=dict, repr=False, compare=False)
    _texts: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        if not self._texts:
            self._texts.append(storable(self.body.decode(self.charset, "replace")))
        return self._texts[0]

    def parsed(self, kind: str) -> Document | None:
        """The body as json, xml or form; None where it is something else."""
        if self.document is not None:
            return self.document
        if kind not in self._parsed:
            self._parsed[kind] = self._parse(kind)
        return self._parsed[kind]

    def values(self, lookup: Lookup) -> list[str]:
        """The values found there; empty where there is nothing."""
        if lookup.kind == "status":
            return [str(self.status)]
        if lookup.kind == "header":
            return [value for name, value in self.headers if name.lower() == lookup.path.lower()]
        if lookup.kind == "body":
            return _grouped(lookup.path, self.text) if lookup.path else [self.text]
        document = self.parsed(lookup.kind)
        return [] if document is None else document.values(lookup.path)

    def has(self, lookup: Lookup) -> bool:
        """Whether there is anything but null and emptiness; an object counts."""
        document = self.parsed(lookup.kind) if lookup.kind in ("json", "xml", "form") else None
        return document.has(lookup.path) if document else any(value.strip() for value in self.values(lookup))

    def value(self, lookup: Lookup) -> str:
        return next(iter(self.values(lookup)), "")

    def _parse(self, kind: str) -> Document | None:
        try:
            if kind == "json":
                return parse_json(self.body)
            if kind == "xml":
                return parse_xml(self.body)
        except MalformedAnswer:
            return None
        return Pairs(_pairs(self.query, self.text))


def answer_of(response: Response, charset: str = "utf-8") -> Answer:
    """The answer, its text in the charset that it names itself, else in the gateway's."""
    named = (response.header("content-type") or "").lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    return Answer(response.status, response.headers, response.body, _known(named) or _known(charset) or "utf-8")


@lru_cache(maxsize=512)
def lookup(text: str, default: str = "json") -> Lookup:
    """Reads `json:[0].id`, `regex:^ok (.+)`, `/answer/id`, `[0].id` (the default kind). Raises TemplateFault."""
    kind, colon, path = text.strip().partition(":")
    if kind == "regex" and colon:
        kind = "body"
    if kind not in KINDS or (not colon and kind not in ("body", "status")):
        kind, path = ("xml", text) if text.startswith(("/", "./")) else (default, text)
    found = Lookup(kind, path.strip() if kind != "body" else path)
    if kind == "json":
        json_steps(found.path)
    elif kind == "xml":
        xpath(found.path, is_root=True)
    elif kind == "body" and found.path:
        compiled(found.path)
    elif kind in ("header", "form") and not found.path:
        raise TemplateFault(f"{kind}: needs a name, such as {kind}:id.")
    return found


def one_group(found: Lookup) -> Lookup:
    """The look-up itself where it can give one value: a pattern needs a group. Raises TemplateFault."""
    if found.kind == "body" and found.path and compiled(found.path).groups < 1:
        raise TemplateFault("The pattern needs a group in parentheses around what is wanted.")
    return found


def _grouped(pattern: str, text: str) -> list[str]:
    match = search(pattern, text)
    if match is None:
        return []
    return [(match[1] if match.re.groups else match[0]) or ""]


def _pairs(*parts: str) -> dict[str, Sequence[str]]:
    pairs: dict[str, Sequence[str]] = {}
    for part in parts:
        for name, values in parse_qs(part, keep_blank_values=True, max_num_fields=1000).items():
            pairs.setdefault(name, values)
    return pairs


@lru_cache(maxsize=64)
def _known(charset: str) -> str:
    """The charset if it is one that answers are written in; other codecs of Python are no charsets of the web."""
    if not _CHARSET.fullmatch(charset):
        return ""
    try:
        "".encode(charset)
    except LookupError:
        return ""
    return charset
