"""POST /api/v1/messages: one message, or up to 10,000 with an answer each. 202 means on disk."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from gatepost.intake.commit import Answers, Committer, Job, Render, hash_of
from gatepost.intake.http import Receive, Scope, Send, answer, header, read_body
from gatepost.intake.keys import KeyCache
from gatepost.intake.peers import client_address
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Denied, Taken, Wish
from gatepost.problems import KINDS, Fault, Problem
from gatepost.sms.ids import to_ref
from gatepost.workspaces.permissions import Right

MAX_BODY = 16 * 1024 * 1024
MAX_HELD = 8 * MAX_BODY
"""Bytes of requests that are being read or wait for their commit, all together; more are asked to come again."""
MAX_MESSAGES = 10_000
MAX_KEY = 200
BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class NewMessage(Wish, frozen=True, forbid_unknown_fields=True):
    """One message to send. Times are ISO 8601 with a zone; `validity_s` is in seconds.

    `gateway`: a number is its id, a text its name or else its id; without it, routing chooses. `tag`: up to 40
    characters of your own, by which rules can choose.
    """


class NewMessages(msgspec.Struct, forbid_unknown_fields=True):
    """Several messages, each answered on its own."""

    messages: list[NewMessage]


class _Several(msgspec.Struct, forbid_unknown_fields=True):
    """The same, read as far as it goes."""

    messages: list[msgspec.Raw]


class _Shape(msgspec.Struct):
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class AcceptedMessage(msgspec.Struct, omit_defaults=True):
    """A message that was taken."""

    id: str
    state: str
    to: str
    segments: int
    encoding: str
    sender: str
    gateway: int
    client_ref: str | None = None


class RefusedMessage(msgspec.Struct):
    """A message of several that was not taken, in its place."""

    error: dict[str, str]


_single = msgspec.json.Decoder(NewMessage)
_several = msgspec.json.Decoder(NewMessages)
_raws = msgspec.json.Decoder(_Several)
_shape = msgspec.json.Decoder(_Shape)
_encoder = msgspec.json.Encoder()


class MessagesEndpoint:
    """Reads a request, has it committed, answers."""

    def __init__(self, keys: KeyCache, committer: Committer) -> None:
        self._keys = keys
        self._committer = committer
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = await self._keys.authenticate(header(scope, b"authorization"), Right.MESSAGES_SEND)
        if header(scope, b"content-type").split(";")[0].strip().lower() != "application/json":
            raise Problem("not_json")
        idempotency_key = header(scope, b"idempotency-key")
        if len(idempotency_key) > MAX_KEY or not idempotency_key.isprintable():
            raise Problem("bad_idempotency_key")
        size = _size(scope)
        if self._held + size > MAX_HELD:
            raise Problem("too_many_requests", headers={"Retry-After": "1"})
        self._held += size
        try:
            body = await read_body(scope, receive, MAX_BODY)
            document = await self._accept(scope, Origin(key.workspace_id, api_key_id=key.id), body, idempotency_key)
        finally:
            self._held -= size
        await answer(send, 202, document, b"application/json")

    async def _accept(self, scope: Scope, origin: Origin, body: bytes, idempotency_key: str) -> bytes:
        wishes, render = _read(body)
        body_hash = hash_of(body) if idempotency_key else b""
        job = Job(origin, wishes, client_address(scope), render, idempotency_key, body_hash)
        document = await self._committer.accept(job)
        if not document and isinstance(job.answers[0], Denied):
            raise _problem(job.answers[0])
        return document


def _size(scope: Scope) -> int:
    """Of the body, in bytes; as large as it may become where the client does not say."""
    length = header(scope, b"content-length")
    return min(int(length), MAX_BODY) if length.isdecimal() else MAX_BODY


def _read(body: bytes) -> tuple[Sequence[Wish], Render]:
    """The wishes, and how to answer them. Raises Problem."""
    try:
        return [_single.decode(body)], _render_single
    except msgspec.ValidationError as error:
        if not _is_several(body):
            raise _invalid(error) from None
    except BAD_JSON:
        if not _is_several(body):
            raise Problem("bad_json") from None
    try:
        messages: Sequence[NewMessage | msgspec.Raw] = _several.decode(body).messages
    except BAD_JSON:
        messages = _raw_messages(body)
    if not 1 <= len(messages) <= MAX_MESSAGES:
        detail = f"messages: 1 to {MAX_MESSAGES} of them, not {len(messages)}."
        raise Problem("invalid", faults=[Fault("messages", "count", detail)])
    return _each(messages)


def _each(messages: Sequence[NewMessage | msgspec.Raw]) -> tuple[Sequence[Wish], Render]:
    """Several messages, of which what cannot be read is answered in its place."""
    wishes: list[Wish] = []
    unreadable: dict[int, dict[str, str]] = {}
    for position, message in enumerate(messages):
        try:
            wishes.append(message if isinstance(message, NewMessage) else _single.decode(message))
        except BAD_JSON as error:
            unreadable[position] = _unreadable(error)
    return wishes, partial(_render_several, unreadable)


def _raw_messages(body: bytes) -> Sequence[msgspec.Raw]:
    try:
        return _raws.decode(body).messages
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except BAD_JSON:
        raise Problem("bad_json") from None


def _is_several(body: bytes) -> bool:
    try:
        return _shape.decode(body).messages is not msgspec.UNSET
    except msgspec.ValidationError:
        raise Problem("invalid", "The body is not a JSON object.") from None
    except BAD_JSON:
        raise Problem("bad_json") from None


def _invalid(error: msgspec.ValidationError) -> Problem:
    return Problem("invalid", faults=[_fault(error)])


def _render_single(answers: Answers, ids: Iterator[int]) -> bytes:
    taken = answers[0]
    return _encoder.encode(_accepted(next(ids), taken)) if isinstance(taken, Taken) else b""


def _render_several(unreadable: dict[int, dict[str, str]], answers: Answers, ids: Iterator[int]) -> bytes:
    rows: list[AcceptedMessage | RefusedMessage] = [
        _accepted(next(ids), given) if isinstance(given, Taken) else _refused(given) for given in answers
    ]
    for position, error in sorted(unreadable.items()):
        rows.insert(position, RefusedMessage(error))
    return _encoder.encode({"messages": rows})


def _refused(denied: Denied) -> RefusedMessage:
    return RefusedMessage({"code": denied.code, "detail": denied.words, "remedy": denied.remedy, "field": denied.field})


def _accepted(message_id: int, taken: Taken) -> AcceptedMessage:
    is_later = taken.send_at is not None and taken.send_at > datetime.now(UTC)
    state = "held" if taken.held else "scheduled" if is_later else "queued"
    return AcceptedMessage(
        id=to_ref(message_id),
        state=state,
        to=taken.to,
        segments=taken.segments,
        encoding=taken.encoding,
        sender=taken.sender,
        gateway=taken.gateway_id,
        client_ref=taken.client_ref,
    )


def _problem(denied: Denied) -> Problem:
    faults = [Fault(denied.field, denied.code, denied.words)] if denied.field else []
    return Problem(denied.code, denied.words, faults=faults, remedy=denied.remedy)


def _fault(error: msgspec.ValidationError) -> Fault:
    """msgspec names the path and the types, never the value."""
    words, _, path = str(error).partition(" - at ")
    return Fault(path.strip("`$.") or "body", "type", f"{words}.")


def _unreadable(error: Exception) -> dict[str, str]:
    if isinstance(error, msgspec.ValidationError):
        fault = _fault(error)
        return {"code": "invalid", "detail": fault.detail, "remedy": KINDS["invalid"].remedy, "field": fault.field}
    return {"code": "bad_json", "detail": KINDS["bad_json"].title, "remedy": KINDS["bad_json"].remedy, "field": ""}


def _openapi() -> dict[str, Any]:
    """What this route adds to the API's document."""
    (single, several, accepted), components = msgspec.json.schema_components(
        [NewMessage, NewMessages, AcceptedMessage], ref_template="#/components/schemas/{name}"
    )
    components["NewMessages"]["properties"]["messages"] = {
        "type": "array",
        "items": single,
        "minItems": 1,
        "maxItems": MAX_MESSAGES,
    }
    refused = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "detail", "remedy", "field"],
                "properties": {name: {"type": "string"} for name in ("code", "detail", "remedy", "field")},
            }
        },
    }
    bulk = {
        "type": "object",
        "required": ["messages"],
        "properties": {"messages": {"type": "array", "items": {"anyOf": [accepted, refused]}}},
    }
    return {
        "paths": {
            "/api/v1/messages": {
                "post": {
                    "operationId": "messages_send",
                    "summary": "Send messages",
                    "description": "One message, or several under `messages`. 202 means that they are on disk.",
                    "tags": ["messages"],
                    "parameters": [
                        {
                            "name": "Idempotency-Key",
                            "in": "header",
                            "required": False,
                            "description": "The same key with the same body gives the same answer for 72 hours.",
                            "schema": {"type": "string", "maxLength": MAX_KEY},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"anyOf": [single, several]}}},
                    },
                    "responses": {
                        "202": {
                            "description": "Accepted",
                            "content": {"application/json": {"schema": {"anyOf": [accepted, bulk]}}},
                        },
                        "default": {
                            "description": "A problem",
                            "content": {
                                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                            },
                        },
                    },
                    "security": [{"KeyAuth": [Right.MESSAGES_SEND.value]}],
                }
            }
        },
        "components": {"schemas": components},
    }


OPENAPI = _openapi()
