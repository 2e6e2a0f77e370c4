"""Gathers what the checker judges: the provider's log, the messages in the database."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.faults.checker import Report, Request, Stored

MESSAGES = """
    select m.id, coalesce(m.client_ref, ''), m.state, m.gateway_id, s.fence, s.cause,
           extract(epoch from s.intent_at)::float8, extract(epoch from s.done_at)::float8
      from message m left join submission s on s.id = m.submission_id
"""
INBOUND = "select text, count(*) from inbound_message group by text"


@dataclass(frozen=True, slots=True)
class Log:
    """What the provider wrote down. `said`: inbound messages by their text, and whether we answered well."""

    requests: tuple[Request, ...]
    reports: tuple[Report, ...]
    said: dict[str, bool]
    foreign: tuple[str, ...]


def read_log(path: Path) -> Log:
    """The provider's log; a line that is still being written is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    requests: list[Request] = []
    reports: list[Report] = []
    said: dict[str, bool] = {}
    foreign: list[str] = []
    for entry in map(json.loads, lines):
        if "refs" in entry:
            requests.append(_request(entry))
        elif "report" in entry:
            reports.append(Report(entry["report"]["ref"], entry["report"]["status"], entry["heard"]))
        elif "inbound" in entry:
            text = entry["inbound"]["text"]
            said[text] = said.get(text, False) or entry["heard"]
        else:
            foreign.append(entry["foreign"])
    return Log(tuple(requests), tuple(reports), said, tuple(foreign))


def _request(entry: dict[str, Any]) -> Request:
    return Request(entry["at"], entry["gateway"], tuple(entry["refs"]), entry["did"], entry["accepted"])


def read_messages(dsn: str) -> tuple[Stored, ...]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(MESSAGES)
        return tuple(
            Stored(*row[:6], span=(row[6], row[7]) if row[6] and row[7] else None) for row in cursor.fetchall()
        )


def read_inbound(dsn: str) -> dict[str, int]:
    """How often each inbound text is stored."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return dict(connection.execute(INBOUND).fetchall())


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
