"""Storing accepted messages: message rows, outbox rows and short links go in together, by COPY, in the caller's
transaction.

Rows are made in PostgreSQL's binary format, which neither side has to parse; what many rows of a group have in common
is encoded once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final

from psycopg import AsyncConnection, Cursor, errors, generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from gatepost.links.shortening import Codes
from gatepost.messages.wishes import Taken

COPY_MESSAGES: Final = b"""
    copy message (id, to_digits, body, client_ref, workspace_id, kind, campaign_id, api_key_id, user_id, created_at,
                  state_at, gateway_id, lane, due_at, expires_at, sender, sender_reason, encoding, segments, validity_s,
                  tag, route, peer)
    from stdin (format binary)
"""
COPY_OUTBOX: Final = b"""
    copy outbox (message_id, workspace_id, campaign_id, gateway_id, lane, due_at, expires_at, group_key, held)
    from stdin (format binary)
"""
COPY_LINKS: Final = b"copy message_link (code, workspace_id, message_id, url) from stdin (format binary)"
MESSAGE_COLUMNS: Final = 23
OUTBOX_COLUMNS: Final = 9
LINK_COLUMNS: Final = 4
CHUNK: Final = 256 * 1024

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_length = Struct("!i").pack
_two_bytes = Struct("!ih").pack
_begin_row = Struct("!h").pack
_four_bytes = Struct("!ii").pack
_eight_bytes = Struct("!iq").pack
_row_of_id = Struct("!hiq").pack


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for messages, and as what kind."""

    workspace_id: int
    kind: str = "single"
    api_key_id: int | None = None
    user_id: int | None = None
    campaign_id: int | None = None


class Rows:
    """Messages that are to be stored, as the rows of their tables. `now`: when they were accepted."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._messages = [_HEADER]
        self._outbox = [_HEADER]
        self._links: list[bytes] = []
        self._begun: dict[Origin, tuple[bytes, bytes]] = {}
        self._ends: dict[tuple[object, ...], tuple[bytes, bytes]] = {}
        self._gateways: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._gateways)

    def add(self, origin: Origin, ids: list[int], taken: list[Taken]) -> None:
        """Messages of one origin, each with its id."""
        begun = self._begun.get(origin)
        if begun is None:
            begun = self._begun[origin] = _origin(origin, self._now)
        for message_id, one in zip(ids, taken, strict=True):
            end = self._end(one)
            to, text = one.to.encode(), one.text.encode()
            self._messages += (
                _row_of_id(MESSAGE_COLUMNS, 8, message_id),
                _length(len(to)),
                to,
                _length(len(text)),
                text,
                _NULL if one.client_ref is None else _text(one.client_ref),
                begun[0],
                end[0],
            )
            self._outbox += (_row_of_id(OUTBOX_COLUMNS, 8, message_id), begun[1], end[1])
            if one.links:
                self._links += _link_rows(origin.workspace_id, message_id, one.links)

    @property
    def gateways(self) -> list[int]:
        return sorted(self._gateways)

    @property
    def tables(self) -> list[tuple[bytes, bytes]]:
        """Each COPY with everything that it is sent."""
        messages, outbox = b"".join((*self._messages, _TRAILER)), b"".join((*self._outbox, _TRAILER))
        links = [(COPY_LINKS, b"".join((_HEADER, *self._links, _TRAILER)))] if self._links else []
        return [(COPY_MESSAGES, messages), (COPY_OUTBOX, outbox), *links]

    def _end(self, taken: Taken) -> tuple[bytes, bytes]:
        common = (
            *(taken.gateway_id, taken.lane, taken.send_at, taken.due_at, taken.expires_at, taken.sender),
            *(taken.sender_reason, taken.encoding, taken.segments, taken.validity_s, taken.group_key, taken.held),
            *(taken.tag, taken.route, taken.peer),
        )
        end = self._ends.get(common)
        if end is None:
            end = self._ends[common] = (_end_of_message(taken), _end_of_outbox(taken))
            self._gateways.add(taken.gateway_id)
        return end


def _origin(origin: Origin, now: datetime) -> tuple[bytes, bytes]:
    workspace, campaign = _eight_bytes(8, origin.workspace_id), _number(origin.campaign_id)
    key, user, moment = _number(origin.api_key_id), _number(origin.user_id), _time(now)
    return b"".join((workspace, _text(origin.kind), campaign, key, user, moment, moment)), workspace + campaign


def _end_of_message(taken: Taken) -> bytes:
    return b"".join(
        (
            _eight_bytes(8, taken.gateway_id),
            _two_bytes(2, taken.lane),
            _NULL if taken.send_at is None else _time(taken.send_at),
            _time(taken.expires_at),
            _text(taken.sender),
            _text(taken.sender_reason),
            _text(taken.encoding),
            _two_bytes(2, taken.segments),
            _NULL if taken.validity_s is None else _four_bytes(4, taken.validity_s),
            _NULL if taken.tag is None else _text(taken.tag),
            _text(taken.route),
            _NULL if taken.peer is None else _text(taken.peer),
        )
    )


def _end_of_outbox(taken: Taken) -> bytes:
    return b"".join(
        (
            _eight_bytes(8, taken.gateway_id),
            _two_bytes(2, taken.lane),
            _time(taken.due_at),
            _time(taken.expires_at),
            _eight_bytes(8, taken.group_key),
            _NULL if taken.held is None else _text(taken.held),
        )
    )


def _link_rows(workspace_id: int, message_id: int, links: Codes) -> list[bytes]:
    begun, ids = _begin_row(LINK_COLUMNS), _eight_bytes(8, workspace_id) + _eight_bytes(8, message_id)
    return [begun + _text(code) + ids + _text(url) for code, url in links]


def _number(value: int | None) -> bytes:
    return _NULL if value is None else _eight_bytes(8, value)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _time(moment: datetime) -> bytes:
    return _eight_bytes(8, (moment - _EPOCH) // _MICROSECOND)


def _notices(gateways: list[int]) -> bytes:
    return b"".join(b"; notify gatepost_outbox, '%d'" % gateway for gateway in gateways)


async def insert(connection: AsyncConnection[Any], rows: Rows) -> None:
    """Store and wake the workers: in the transaction that is open, else in one of its own, which is committed when this
    returns. All of it is one message to the server, so that a commit costs no round trip of its own."""
    tables = rows.tables
    query = b";".join(statement for statement, _ in tables) + _notices(rows.gateways)
    async with connection.lock:
        await connection.wait(_copied(connection.pgconn, query, [content for _, content in tables]))


def insert_sync(cursor: Cursor[Any], rows: Rows) -> None:
    """The same for callers that live in a thread (console, tasks), in their transaction."""
    for statement, content in rows.tables:
        with cursor.copy(statement) as copy:
            copy.write(content)
    cursor.execute(_notices(rows.gateways).removeprefix(b";"))


def _copied(pgconn: PGconn, query: bytes, contents: list[bytes]) -> PQGen[None]:
    pgconn.send_query(query)
    yield from generators.send(pgconn)
    failed: PGresult | None = None
    waiting: Iterator[bytes] = iter(contents)
    while (result := (yield from generators.fetch(pgconn))) is not None:
        if result.status == ExecStatus.COPY_IN:
            content = memoryview(next(waiting))
            for start in range(0, len(content), CHUNK):
                yield from generators.copy_to(pgconn, content[start : start + CHUNK])
            pgconn.put_copy_end()
            yield from generators.send(pgconn)
        elif result.status != ExecStatus.COMMAND_OK:
            failed = failed or result
    if failed is not None:
        raise errors.error_from_result(failed)
