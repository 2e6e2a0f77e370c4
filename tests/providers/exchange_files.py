"""Exchange files: strict reading, so that a typing error in a YAML is a readable failure and never a skipped check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KINDS = ("submit", "sign-in", "receipt", "inbound", "query", "poll", "find", "balance", "check")
ORIGINS = ("documented", "client-code", "composed")
CALLBACKS = ("receipt", "inbound")

MESSAGE = "ref to text sender encoding segments validity_s send_at attempt is_urgent"
SENT = "ref keys to sender serial submitted_at asked"
CALLBACK = "kind method url headers form json xml text base64 charset peer tail received_at"
OUTCOME = "kind keys segments price refusal code words state cause retry_after_s is_alone is_recipient_only"
BODY = "json xml form text base64 charset"
RECEIPT = "state status keys ref to serial words code refusal at segments price"
MEDIA = "content_type name url body headers"
INBOUND = "sender recipient text id at kind media answers part"
OPT_OUT = "number words back_in"
ITEMS = {"receipt": RECEIPT, "inbound": INBOUND, "opt_out": OPT_OUT}


class BadExchange(ValueError):
    """An exchange file that does not follow the format."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One document of a file: what is given, what the adapter must ask, what it is told, what it must make of it."""

    slug: str
    file: str
    name: str
    origin: str
    source: str
    kind: str
    settings: Mapping[str, Any]
    context: Mapping[str, Any]
    given: Any
    steps: list[Mapping[str, Any]]
    result: Any

    @property
    def id(self) -> str:
        return f"{self.slug}: {self.name}"


@cache
def load_all(root: Path = HERE) -> list[Exchange]:
    """Every exchange of every provider, in order of slug and file."""
    return [exchange for folder in sorted(root.iterdir()) if folder.is_dir() for exchange in load(folder)]


def load(folder: Path) -> Iterator[Exchange]:
    for path in sorted(folder.glob("*.yaml")):
        for number, document in enumerate(_documents(path), 1):
            where = f"{folder.name}/{path.name} document {number}"
            try:
                yield _exchange(folder.name, path.name, document)
            except BadExchange as fault:
                raise BadExchange(f"{where}: {fault}") from None


def _documents(path: Path) -> list[Any]:
    try:
        found = list(yaml.load_all(path.read_text("utf-8"), Loader))
    except yaml.YAMLError as fault:
        raise BadExchange(f"{path.parent.name}/{path.name}: {fault}") from None
    return [document for document in found if document is not None]


def _exchange(slug: str, file: str, document: Any) -> Exchange:
    known(document, "name origin source kind gateway context given steps result", "the document")
    for name in ("name", "origin", "source", "kind", "gateway", "result"):
        if name not in document:
            raise BadExchange(f"{name!r} is missing")
    kind = one_of(document["kind"], KINDS, "kind")
    given = document.get("given")
    _check_given(kind, given)
    steps = document.get("steps") or []
    for i, step in enumerate(steps):
        _check_step(step, f"steps[{i}]")
    _check_result(kind, document["result"])
    context = document.get("context") or {}
    known(context, "now nonce serial is_resend receipt_url inbound_url", "context")
    return Exchange(
        slug,
        file,
        str(document["name"]),
        one_of(document["origin"], ORIGINS, "origin"),
        str(document["source"]),
        kind,
        known(document["gateway"], None, "gateway"),
        context,
        given,
        steps,
        document["result"],
    )


def _check_given(kind: str, given: Any) -> None:
    if kind in CALLBACKS:
        known(given, CALLBACK, "given")
    elif kind == "poll":
        known(given or {}, "feed cursor", "given")
    elif kind not in ("balance", "check"):
        wanted = SENT if kind in ("query", "find") else MESSAGE
        if not isinstance(given, list) or not given:
            raise BadExchange("'given' must be a list with at least one message")
        for i, message in enumerate(given):
            known(message, wanted, f"given[{i}]")


def _check_step(step: Any, where: str) -> None:
    known(step, "expect serve is_send", where)
    for part in ("expect", "serve"):
        if part not in step:
            raise BadExchange(f"{where}.{part} is missing")
    known(step["expect"], f"method url query headers backup_urls {BODY}", f"{where}.expect")
    for name in ("method", "url"):
        if name not in step["expect"]:
            raise BadExchange(f"{where}.expect.{name} is missing")
    known(step["serve"], f"status headers {BODY}", f"{where}.serve")


def _check_result(kind: str, result: Any) -> None:
    known(result, None, "result")
    if kind in ("submit", "sign-in"):
        for ref, outcome in result.items():
            known(outcome, OUTCOME, f"result.{ref}")
    elif kind in CALLBACKS:
        known(result, "items ack verify error", "result")
        known(result.get("ack", {}), "status text content_type headers", "result.ack")
        _check_items(result.get("items", []), "result.items")
    elif kind == "query":
        known(result, "receipts stopped error", "result")
        for i, receipt in enumerate(result.get("receipts", [])):
            known(receipt, RECEIPT, f"result.receipts[{i}]")
    elif kind == "find" and "stopped" not in result and "error" not in result:
        for ref, found in result.items():
            known(found, "seen keys state", f"result.{ref}")
    elif kind == "poll":
        known(result, "commits after_s cursor stopped error", "result")
        for i, commit in enumerate(result.get("commits", [])):
            known(commit, "items cursor", f"result.commits[{i}]")
            _check_items(commit.get("items", []), f"result.commits[{i}].items")
    elif kind == "balance":
        known(result, "amount unit words stopped error", "result")
    elif kind == "check":
        known(result, "words outcome balance stopped error", "result")
    if isinstance(result.get("stopped"), Mapping) and kind not in ("submit", "sign-in"):
        known(result["stopped"], OUTCOME, "result.stopped")


def _check_items(items: Any, where: str) -> None:
    for i, item in enumerate(items):
        known(item, " ".join(ITEMS), f"{where}[{i}]")
        if len(item) != 1:
            raise BadExchange(f"{where}[{i}]: one of {', '.join(ITEMS)}")
        for kind, attributes in item.items():
            known(attributes, ITEMS[kind], f"{where}[{i}].{kind}")
            for media in attributes.get("media", []):
                known(media, MEDIA, f"{where}[{i}].{kind}.media")


def known(value: Any, names: str | None, where: str) -> Mapping[str, Any]:
    """The value, which must be a mapping whose keys are all among `names` (None: any)."""
    if not isinstance(value, Mapping):
        raise BadExchange(f"{where} must be a mapping")
    allowed = None if names is None else names.split()
    for key in value:
        if allowed is not None and key not in allowed:
            raise BadExchange(f"unknown key {key!r} in {where}; known: {', '.join(allowed)}")
    return value


def one_of(value: Any, allowed: tuple[str, ...], where: str) -> str:
    if value not in allowed:
        raise BadExchange(f"{where}: {value!r} is none of {', '.join(allowed)}")
    return str(value)
